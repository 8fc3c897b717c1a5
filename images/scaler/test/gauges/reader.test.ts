/** Reads the gauges of pods. */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { GaugeReader } from "../../src/gauges/reader";
import { eventually, pause } from "../helpers/eventually";
import { FakePod } from "../helpers/network";

const SIGNALS = [
  { metric: "load", target: 100, limit: 1000 },
  { metric: "busy", target: 0.7, limit: 1 },
];
const address = (id: number) => ({ uid: `uid-${id}`, name: `pod-${id}`, ip: `10.1.0.${id}` });

describe("the reader", () => {
  let pods: FakePod[];
  let reader: GaugeReader;
  beforeEach(async () => {
    pods = await Promise.all([1, 2].map((id) => new FakePod(address(id).ip).start()));
    for (const [i, pod] of pods.entries()) pod.text = () => `load ${i + 1}0\nbusy 0.5\n`;
    reader = new GaugeReader({ workload: "node", port: 3000, path: "/metrics", signals: SIGNALS });
  });
  afterEach(async () => {
    reader.stop();
    for (const pod of pods) await pod.stop();
  });
  const both = [address(1), address(2)];
  const value = (id: number, metric = "load") => reader.value(address(id), metric, performance.now());

  it("reads all signals of all pods, with one request per pod, over persistent connections", async () => {
    for (let i = 0; i < 5; i++) await reader.read(both, 2000);
    expect([value(1), value(2), value(1, "busy")]).toEqual([10, 20, 0.5]);
    expect(pods[0]!.paths).toHaveLength(5);
    expect(pods[0]!.paths[0]).toBe("/metrics?name[]=load&name[]=busy");
    expect(pods[0]!.connections).toBe(1);
  });

  it("waits no longer than the limit for a pod that hangs, and does not wait for that pod the next time", async () => {
    await reader.read(both, 2000);
    pods[0]!.isHanging = true;
    let begin = performance.now();
    await reader.read(both, 200);
    expect(performance.now() - begin).toBeGreaterThan(190);
    // its last value is still used for a while
    expect(value(1)).toBe(10);
    begin = performance.now();
    for (let i = 0; i < 5; i++) await reader.read(both, 2000);
    // far below 5 × 2 s, even on a busy machine
    expect(performance.now() - begin).toBeLessThan(8000);
    expect(pods[0]!.mostInFlight).toBe(1);
  });

  it("no longer has a value for a pod that has not answered for three seconds", async () => {
    await reader.read(both, 2000);
    expect(reader.value(address(1), "load", performance.now() + 2900)).toBe(10);
    expect(reader.value(address(1), "load", performance.now() + 3100)).toBeUndefined();
  });

  it("accepts an answer that arrives after its tick, as from an overloaded pod, without a second request", async () => {
    // much longer than the reads take, even on a busy machine
    pods[0]!.delayMs = 2000;
    for (let i = 0; i < 4; i++) {
      await reader.read([address(1)], 50);
      await pause(30);
    }
    expect(value(1)).toBeUndefined();
    expect(pods[0]!.paths).toHaveLength(1);
    await eventually("its value", () => value(1) === 10);
  });

  it("reads a pod again after it has hung", async () => {
    const [pod] = pods as [FakePod];
    pod.isHanging = true;
    await reader.read([address(1)], 50);
    expect(value(1)).toBeUndefined();
    pod.isHanging = false;
    // the hanging request ends by itself after three seconds; then the pod is read again
    await eventually("a value", async () => {
      await reader.read([address(1)], 50);
      return value(1) === 10;
    });
  });

  it("keeps the last value if a connection breaks, and reconnects", async () => {
    await reader.read([address(1)], 2000);
    await pods[0]!.stop();
    await reader.read([address(1)], 2000);
    expect(value(1)).toBe(10);
    pods[0] = await new FakePod(address(1).ip).start();
    pods[0].text = () => "load 70\n";
    await reader.read([address(1)], 2000);
    expect(value(1)).toBe(70);
  });

  it.each([
    ["above its limit", "1001"],
    ["negative", "-1"],
    ["not a number", "NaN"],
    ["infinite", "+Inf"],
    ["text", "many"],
  ])("rejects and counts a value that is %s", async (_, text) => {
    pods[0]!.text = () => `load ${text}\nbusy 0.5\n`;
    await reader.read(both, 2000);
    await reader.read(both, 2000);
    expect([value(1), value(1, "busy"), value(2)]).toEqual([undefined, 0.5, 20]);
    expect(reader.rejected.get("load")).toBe(2);
  });

  it("ignores an answer whose status is not 200, and one that is too long", async () => {
    pods[0]!.status = 503;
    pods[1]!.text = () => `load 1\n${"x".repeat(5 * 1024 * 1024)}`;
    await reader.read(both, 5000);
    expect([value(1), value(2)]).toEqual([undefined, undefined]);
  });

  it("forgets a deleted pod, even if another pod gets its address", async () => {
    await reader.read(both, 2000);
    await reader.read([address(2)], 2000);
    expect(value(1)).toBeUndefined();
    const next = { ...address(1), uid: "uid-3" };
    expect(reader.value(next, "load", performance.now())).toBeUndefined();
    await reader.read([next], 2000);
    expect(reader.value(next, "load", performance.now())).toBe(10);
    await pause(50);
    expect(pods[1]!.inFlight).toBe(0);
  });
});
