/** Multiple scalers, each in its own process. */
import { createServer, type Server } from "node:http";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { eventually, pause } from "../helpers/eventually";
import { FakeApi } from "../helpers/fake-api";
import { ScalerProcess } from "../helpers/process";

describe("of two scalers", () => {
  let api: FakeApi;
  let pod: Server;
  let load = 100;
  const processes: ScalerProcess[] = [];

  beforeEach(async () => {
    load = 100;
    api = await new FakeApi().start();
    pod = createServer((_, response) => void response.end(`load ${load}\n`)).listen(0, "127.0.0.1");
    await new Promise((resolve) => pod.once("listening", resolve));
    api.put("deployments", { metadata: { name: "node" }, spec: { replicas: 1 } });
    api.put("horizontalpodautoscalers", { metadata: { name: "node" }, spec: { minReplicas: 1, maxReplicas: 20 } });
    api.put("pods", {
      metadata: { name: "node-1", labels: { app: "node" } },
      status: { phase: "Running", podIP: "127.0.0.1", conditions: [{ type: "Ready", status: "True" }] },
    });
  });
  afterEach(async () => {
    for (const each of processes.splice(0)) await each.stop();
    await api.stop();
    await new Promise((resolve) => pod.close(resolve));
  });
  const start = async (name: string) => {
    const { port } = pod.address() as { port: number };
    const target = { workload: "node", selector: "app=node", port, signals: [{ metric: "load", target: 100 }] };
    // a single write may reach the full count
    const targets = [{ ...target, scaleUp: { percent: 100, pods: 1000, periodSeconds: 1 } }];
    const config = JSON.stringify({ namespace: "test", targets });
    const found = new ScalerProcess({ ...api.envOf(name), POD_NAME: name, SCALER_CONFIG: config });
    processes.push(found);
    return found.start();
  };
  /** Attempts to write the count. */
  const writesOf = (name: string) => api.requests("PATCH", "/scale").filter(({ token }) => token === `Bearer ${name}`);
  const leads = (scaler: ScalerProcess) => eventually("its lead", () => scaler.has("leading"));
  const both = async () => {
    const first = await start("a");
    await leads(first);
    const second = await start("b");
    await eventually("its start", () => second.has("started"));
    return { first, second };
  };

  it("only one writes", async () => {
    await both();
    load = 400;
    await eventually("a write", () => writesOf("a").length > 0);
    await pause(2000);
    expect(writesOf("b")).toEqual([]);
  });

  it("the other one takes over if the leader is killed", async () => {
    const { first, second } = await both();
    await first.stop("SIGKILL");
    await leads(second);
    load = 400;
    await eventually("a write", () => writesOf("b").length > 0);
  });

  it("the other one takes over at once if the leader is stopped", async () => {
    const { first, second } = await both();
    expect(await first.stop("SIGTERM")).toBe(0);
    expect(api.get("leases", "scaler")!.spec!["holderIdentity"]).not.toBe("a");
    await leads(second);
  });

  it("a suspended leader does not write when it resumes after its lead has ended", async () => {
    const { first, second } = await both();
    first.signal("SIGSTOP");
    await leads(second);
    load = 400;
    await eventually("a write", () => writesOf("b").length > 0);
    const before = writesOf("a").length;
    // a count that the suspended scaler would change
    api.put("deployments", { metadata: { name: "node" }, spec: { replicas: 1 } });
    await eventually("the next write", () => writesOf("b").length > 1);
    first.signal("SIGCONT");
    await eventually("the first scaler to notice", () => first.has("not leading"));
    load = 900;
    await eventually("another write", () => writesOf("b").length > 2);
    await pause(2000);
    expect(writesOf("a").length).toBe(before);
  }, 60_000);
});

describe("the process", () => {
  it("reports every mistake in its configuration, then exits", async () => {
    const config = JSON.stringify({ namespace: "test", targets: [{ workload: "node", signals: [], unknown: 1 }] });
    const scaler = await new ScalerProcess({ KUBERNETES_API_URL: "http://127.0.0.1:1", SCALER_CONFIG: config }).start();
    await eventually("the messages", () => scaler.lines.length >= 4);
    expect(scaler.lines.map(({ message }) => message)).toContain(
      "SCALER_CONFIG: targets[0].port is missing, expected a whole number from 1 up to 65535",
    );
    expect(await scaler.ended()).toBe(1);
  });
});
