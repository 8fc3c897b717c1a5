/** Tests that discovery uses the most precise source that answers: watch, DNS or addresses. */
import { lookup } from "node:dns/promises";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { readConfig } from "../../src/config";
import { Discovery } from "../../src/discovery/discovery";
import type { Member } from "../../src/discovery/source";
import { FakeKubernetes, slice } from "../helpers/fake-kubernetes";
import { eventually } from "../helpers/redis";

describe("discovery", () => {
  let kubernetes: FakeKubernetes;
  let discovery: Discovery | undefined;
  let members: string[] | undefined;

  beforeEach(async () => {
    kubernetes = await new FakeKubernetes().start();
    members = undefined;
  });
  afterEach(async () => {
    discovery?.stop();
    discovery = undefined;
    await kubernetes.stop();
  });
  const start = (env: Record<string, string>) => {
    discovery = new Discovery(readConfig(env), (found: readonly Member[]) => (members = found.map((m) => m.name)));
    discovery.start();
  };
  const found = (...names: string[]) =>
    eventually(`members ${names.join(", ")}`, () => JSON.stringify(members) === JSON.stringify(names));

  it("uses DNS while the watch is forbidden, then returns to the watch", async () => {
    kubernetes.refuse = 403;
    kubernetes.put("s1", slice(6379, ["a", "10.0.0.1"]));
    start({ ...kubernetes.env, REDIS_REPLICAS_DNS: "redis://localhost:7000", REDIS_REPLICAS_URL: "redis://vip:6379" });
    await eventually("the members from DNS", () => members?.length === 1 && members[0]!.endsWith(":7000"));
    expect(discovery!.source).toBe("dns");
    kubernetes.refuse = undefined;
    await found("a");
    expect(discovery!.source).toBe("watch");
  });

  it("uses DNS when a working watch can no longer list, then returns to the watch", async () => {
    kubernetes.put("s1", slice(6379, ["a", "10.0.0.1"]));
    start({ ...kubernetes.env, REDIS_REPLICAS_DNS: "redis://localhost:7000", REDIS_REPLICAS_URL: "redis://vip:6379" });
    await found("a");
    expect(discovery!.source).toBe("watch");
    kubernetes.refuse = 500;
    kubernetes.endWatches("destroy");
    await eventually("the members from DNS", () => members?.length === 1 && members[0]!.endsWith(":7000"));
    expect(discovery!.source).toBe("dns");
    kubernetes.refuse = undefined;
    kubernetes.put("s1", slice(6379, ["b", "10.0.0.2"]));
    await found("b");
    expect(discovery!.source).toBe("watch");
  });

  it("gives a replica the same name from either source, so that its connection is kept", async () => {
    const { address } = (await lookup("localhost", { all: true }))[0]!;
    kubernetes.put("s1", slice(7000, ["a", address]));
    start({ ...kubernetes.env, REDIS_REPLICAS_DNS: "redis://localhost:7000" });
    await found("a");
    kubernetes.refuse = 500;
    kubernetes.endWatches("destroy");
    await eventually("DNS as the source", () => discovery!.source === "dns");
    expect(members).toEqual(["a"]);
  });

  it("keeps using the watch after a single failed list request", async () => {
    kubernetes.put("s1", slice(6379, ["a", "10.0.0.1"]));
    start({ ...kubernetes.env, REDIS_REPLICAS_DNS: "redis://localhost:7000" });
    await found("a");
    const sources: string[] = [];
    const timer = setInterval(() => sources.push(discovery!.source), 5);
    const before = kubernetes.requests.length;
    kubernetes.refuse = 500;
    kubernetes.endWatches("destroy");
    await eventually("a failed list", () => kubernetes.requests.length > before);
    kubernetes.refuse = undefined;
    await eventually("the watch to be open again", () => kubernetes.watching === 1);
    clearInterval(timer);
    expect(new Set(sources)).toEqual(new Set(["watch"]));
  });

  it("keeps its members if the watch is lost and DNS fails too", async () => {
    kubernetes.put("s1", slice(6379, ["a", "10.0.0.1"]));
    const dns = "redis://no-such-name.invalid:7000";
    start({ ...kubernetes.env, REDIS_REPLICAS_DNS: dns, REDIS_REPLICAS_URL: "redis://vip:6379" });
    await found("a");
    const before = kubernetes.requests.length;
    kubernetes.refuse = 500;
    kubernetes.endWatches("destroy");
    await eventually("some attempts", () => kubernetes.requests.length >= before + 4);
    expect(members).toEqual(["a"]);
    expect(discovery!.source).toBe("watch");
  });

  it("uses addresses if nothing else answers", async () => {
    start({ REDIS_REPLICAS_DNS: "redis://no-such-name.invalid:7000", REDIS_REPLICAS_URL: "redis://vip:6379" });
    await found("vip:6379");
    expect(discovery!.source).toBe("address");
  });

  it("keeps its members while the Kubernetes API is unavailable", async () => {
    kubernetes.put("s1", slice(6379, ["a", "10.0.0.1"]));
    start({ ...kubernetes.env, REDIS_REPLICAS_URL: "redis://vip:6379" });
    await found("a");
    kubernetes.refuse = 500;
    kubernetes.endWatches("destroy");
    await eventually("some attempts", () => kubernetes.requests.length >= 4);
    expect(members).toEqual(["a"]);
    expect(discovery!.source).toBe("watch");
  });
});
