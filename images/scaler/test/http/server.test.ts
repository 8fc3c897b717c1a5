/** The metrics and the probes. */
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { HttpServer } from "../../src/http/server";
import { Scaler } from "../../src/scaling/scaler";
import { eventually } from "../helpers/eventually";
import { FakeCluster } from "../helpers/fake-cluster";

describe("the server", () => {
  let cluster: FakeCluster;
  let scaler: Scaler;
  let server: HttpServer;
  let address: string;

  beforeEach(async () => {
    cluster = await new FakeCluster().start(2);
    cluster.load = 200;
    scaler = new Scaler(cluster.config());
    server = new HttpServer(scaler);
    address = `http://127.0.0.1:${await server.start(0)}`;
  });
  afterEach(async () => {
    vi.restoreAllMocks();
    await scaler.stop();
    await server.stop();
    await cluster.stop();
  });
  const get = async (path: string) => {
    const response = await fetch(`${address}${path}`);
    return { status: response.status, text: await response.text() };
  };
  const metric = async (series: string) => {
    const line = (await get("/metrics")).text.split("\n").find((each) => each.startsWith(`${series} `));
    return line === undefined ? undefined : Number(line.split(" ")[1]);
  };

  it("reports the present count, the wanted count and the decisions for each workload", async () => {
    scaler.start();
    await eventually("gauges", async () => (await metric('scaler_recommended_pods{workload="node"}')) === 2);
    expect(await metric("scaler_leader")).toBe(1);
    expect(await metric('scaler_present_pods{workload="node"}')).toBe(2);
    expect(await metric('scaler_wanted_pods{workload="node"}')).toBe(2);
    expect(await metric('scaler_gauges_age_seconds{workload="node"}')).toBeLessThan(2);
    expect(await metric('scaler_decisions_total{workload="node",direction="in"}')).toBe(0);
    expect(await metric('scaler_gauges_rejected_total{workload="node",metric="http_requests_per_second"}')).toBe(0);
    expect(await metric('scaler_held{workload="node",reason="no-gauges"}')).toBe(0);
    cluster.load = 400;
    await eventually(
      "a decision",
      async () => (await metric('scaler_decisions_total{workload="node",direction="out"}')) === 1,
    );
    await eventually("the count", async () => (await metric('scaler_present_pods{workload="node"}')) === 4);
  });

  it("reports why scaling is held back, and how old the gauges are", async () => {
    scaler.start();
    await eventually("gauges", async () => (await metric('scaler_recommended_pods{workload="node"}')) === 2);
    for (const pod of cluster.pods.values()) pod.status = 500;
    await eventually("the reason", async () => (await metric('scaler_held{workload="node",reason="no-gauges"}')) === 1);
    expect(await metric('scaler_recommended_pods{workload="node"}')).toBeUndefined();
    await eventually(
      "an age that grows",
      async () => (await metric('scaler_gauges_age_seconds{workload="node"}'))! > 1,
    );
  });

  it("is ready once it has read its objects from the cluster", async () => {
    expect(await get("/readyz")).toEqual({ status: 503, text: "no current data about node from the Kubernetes API" });
    expect(await metric("scaler_leader")).toBe(0);
    scaler.start();
    await eventually("the server to be ready", async () => (await get("/readyz")).status === 200);
  });

  it("is live as long as ticks end, whatever the API server does", async () => {
    await cluster.api.leave();
    scaler.start();
    expect((await get("/livez")).status).toBe(200);
    const [workload] = scaler.workloads;
    vi.spyOn(workload!, "idle").mockImplementation(() => {
      throw new Error("broken");
    });
    expect((await get("/livez")).status).toBe(200);
  });

  it("is not live if a tick has not ended for five seconds", async () => {
    vi.spyOn(scaler.workloads[0]!, "tick").mockImplementation(() => new Promise(() => undefined));
    scaler.start();
    await eventually("the probe to fail", async () => (await get("/livez")).status === 503);
    expect((await get("/livez")).text).toBe("no tick of node has ended for 5 s");
    // so that the test can end
    (scaler as unknown as { busy: Map<unknown, unknown> }).busy.clear();
  });

  it("has no other routes", async () => {
    expect((await get("/")).status).toBe(404);
  });
});
