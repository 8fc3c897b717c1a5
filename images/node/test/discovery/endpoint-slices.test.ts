/** Tests discovery by watching EndpointSlices. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { readConfig } from "../../src/config";
import { Discovery } from "../../src/discovery/discovery";
import { membersOf } from "../../src/discovery/endpoint-slices";
import type { Member } from "../../src/discovery/source";
import { FakeKubernetes, slice } from "../helpers/fake-kubernetes";
import { eventually } from "../helpers/redis";

describe("the members of EndpointSlices", () => {
  it("are the ready ones of all slices", () => {
    expect(membersOf([slice(6379, ["a", "10.0.0.1"], ["b", "10.0.0.2"]), slice(6380, ["c", "10.0.0.3"])])).toEqual([
      { name: "a", host: "10.0.0.1", port: 6379 },
      { name: "b", host: "10.0.0.2", port: 6379 },
      { name: "c", host: "10.0.0.3", port: 6380 },
    ]);
  });

  it.each([
    ["not ready", { ready: false }, 0],
    ["terminating", { ready: true, terminating: true }, 0],
    ["terminating, still serving", { ready: false, serving: true, terminating: true }, 0],
    ["of unknown state", {}, 1],
    ["of null state", { ready: null }, 1],
  ])("treats an endpoint that is %s as Kubernetes documents", (_, conditions, count) => {
    expect(membersOf([slice(6379, ["a", "10.0.0.1", conditions])])).toHaveLength(count);
  });

  it("count a dual-stack pod once", () => {
    const v6 = { ...slice(6379, ["a", "fd00::1"]), addressType: "IPv6" };
    expect(membersOf([v6, slice(6379, ["a", "10.0.0.1"])])).toEqual([{ name: "a", host: "10.0.0.1", port: 6379 }]);
  });

  it("are empty for slices without endpoints, without a port, or with host names", () => {
    expect(membersOf([{ addressType: "IPv4", ports: null, endpoints: null }])).toEqual([]);
    expect(membersOf([{ ...slice(1, ["a", "example.org"]), addressType: "FQDN" }])).toEqual([]);
    expect(membersOf([{ ...slice(1, ["a", "10.0.0.1"]), ports: [{ port: null }] }])).toEqual([]);
  });
});

describe("the watch of EndpointSlices", () => {
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

  it("lists, watches and follows each change", async () => {
    kubernetes.put("s1", slice(6379, ["a", "10.0.0.1"]));
    start(kubernetes.env);
    await found("a");
    expect(discovery!.source).toBe("watch");
    await eventually("the watch to be open", () => kubernetes.watching === 1);
    kubernetes.put("s1", slice(6379, ["a", "10.0.0.1"], ["b", "10.0.0.2"]));
    await found("a", "b");
    kubernetes.put("s2", slice(6379, ["c", "10.0.0.3"]));
    await found("a", "b", "c");
    kubernetes.remove("s1");
    await found("c");
    const [list, watch] = kubernetes.requests;
    expect(list!.path).toBe(
      "/apis/discovery.k8s.io/v1/namespaces/test/endpointslices?labelSelector=kubernetes.io%2Fservice-name%3Dreplicas",
    );
    expect(watch!.path).toMatch(/watch=true&allowWatchBookmarks=true&resourceVersion=2&timeoutSeconds=120$/);
  });

  it.each<[string, (k: FakeKubernetes) => void]>([
    ["ends", (k) => k.endWatches()],
    ["breaks", (k) => k.endWatches("destroy")],
    [
      "reports that its version is too old",
      (k) => k.send({ type: "ERROR", object: { code: 410, message: "too old" } }),
    ],
  ])("lists again, with the current token, after a watch that %s", async (_, fault) => {
    kubernetes.put("s1", slice(6379, ["a", "10.0.0.1"]));
    start(kubernetes.env);
    await eventually("the watch to be open", () => kubernetes.watching === 1);
    writeFileSync(join(kubernetes.dir, "token"), "token-2\n");
    fault(kubernetes);
    await eventually("a second list", () => kubernetes.requests.length >= 3);
    expect(kubernetes.requests.at(0)!.token).toBe("Bearer token-1");
    expect(kubernetes.requests.at(-1)!.token).toBe("Bearer token-2");
    await eventually("the watch to be open again", () => kubernetes.watching >= 1);
    kubernetes.put("s1", slice(6379, ["b", "10.0.0.2"]));
    await found("b");
  });

  it("ignores bookmarks", async () => {
    kubernetes.put("s1", slice(6379, ["a", "10.0.0.1"]));
    start(kubernetes.env);
    await eventually("the watch to be open", () => kubernetes.watching === 1);
    kubernetes.send({ type: "BOOKMARK", object: { metadata: { resourceVersion: "99" } } });
    kubernetes.put("s2", slice(6379, ["b", "10.0.0.2"]));
    await found("a", "b");
  });
});
