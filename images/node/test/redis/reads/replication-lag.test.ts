/** Tests parsing INFO, and computing a replica's lag. */
import { describe, expect, it } from "vitest";
import { LagTracker, parseLoad, parseReplication, type Replication } from "../../../src/redis/reads/replication-lag";

const info = (lines: Record<string, string | number>) =>
  `# Replication\r\n${Object.entries(lines)
    .map(([k, v]) => `${k}:${v}`)
    .join("\r\n")}\r\n`;

describe("INFO replication", () => {
  it("gives the offset of a main", () => {
    expect(
      parseReplication(info({ role: "master", master_replid: "a", master_repl_offset: 42, slave_repl_offset: 7 })),
    ).toMatchObject({ role: "master", replid: "a", offset: 42 });
  });

  it("gives the offset that a replica has applied, not the one that it has received", () => {
    const text = info({
      role: "slave",
      master_link_status: "down",
      master_sync_in_progress: 1,
      slave_read_repl_offset: 50,
      slave_repl_offset: 42,
      master_link_down_since_seconds: -1,
      master_replid2: "b",
      second_repl_offset: 31,
      master_replid: "a",
      master_repl_offset: 99,
    });
    expect(parseReplication(text)).toEqual({
      role: "slave",
      replid: "a",
      offset: 42,
      formerReplid: "b",
      formerOffset: 30,
      linkUp: false,
      syncing: true,
      linkDownSeconds: -1,
    });
  });

  it("gives an unknown role if it has no fields", () => {
    expect(parseReplication("")).toMatchObject({ role: "unknown", linkUp: false, linkDownSeconds: -1 });
  });
});

describe("the lag of a replica", () => {
  const main = (offset: number, replid = "a", formerReplid = "", formerOffset = -1) =>
    ({ role: "master", replid, offset, formerReplid, formerOffset }) as Replication;
  const replica = (offset: number, replid = "a") => ({ role: "slave", replid, offset }) as Replication;
  const clock = new LagTracker(3);
  clock.record(1000, main(10));
  clock.record(1500, main(20));
  clock.record(2000, main(30));

  it.each([
    ["has everything", 30, 0],
    ["is ahead of the newest sample", 35, 0],
    ["misses the last sample", 29, 600],
    ["misses the last two", 19, 1100],
    ["misses all samples", 5, 1600],
  ])("is correct if the replica %s", (_, offset, lag) => {
    expect(clock.replica().lag(2600, replica(offset))).toBe(lag);
  });

  it("does not grow while main is silent, so that a dead main excludes no replica", () => {
    expect(clock.replica().lag(100_000, replica(29))).toBe(2500);
    expect(clock.replica().lag(100_000, replica(30))).toBe(0);
  });

  it("is infinite if the replica has never had main's history, and unknown without samples of main", () => {
    expect(clock.replica().lag(2600, replica(30, "b"))).toBe(Infinity);
    expect(new LagTracker().replica().lag(1, replica(1))).toBeUndefined();
  });

  it("restarts when main's history is new", () => {
    const other = new LagTracker();
    other.record(1, main(1000));
    other.record(2, main(5, "b"));
    expect(other.replica().lag(3, replica(5, "b"))).toBe(0);
  });

  it("counts from the moment at which main's history changed, if the replica has the previous one", () => {
    const other = new LagTracker();
    other.record(1000, main(1000));
    for (let at = 2000; at <= 9000; at += 500) other.record(at, main(at, "b"));
    expect(other.replica().lag(9000, replica(1000))).toBe(7000);
    // main is back
    other.record(9500, main(1000));
    expect(other.replica().lag(9500, replica(1000))).toBe(0);
  });

  it("counts from the moment at which the replica's history changed, if main's becomes known later", () => {
    const other = new LagTracker();
    const lag = other.replica();
    for (let at = 1000; at <= 9000; at += 500) other.record(at, main(at));
    expect(lag.lag(9000, replica(9000))).toBe(0);
    expect(lag.lag(9400, replica(9000, "b"))).toBe(400);
    // main is silent, so nothing more is known
    expect(lag.lag(60_000, replica(9000, "b"))).toBe(2500);
    other.record(61_000, main(9000, "b"));
    expect(lag.lag(61_000, replica(9000, "b"))).toBe(0);
  });

  it("is computed from its offset after a promotion, as long as the replica has no data that the new main lacks", () => {
    const other = new LagTracker();
    other.record(1000, main(100));
    other.record(1500, main(200));
    for (let at = 8000; at <= 9000; at += 500) other.record(at, main(at, "b", "a", 180));
    expect(other.replica().lag(8500, replica(150))).toBe(500);
    expect(other.replica().lag(9000, replica(50))).toBe(8000);
    expect(other.replica().lag(9000, replica(181))).toBe(1000);
  });

  it("ignores samples that are not from a main", () => {
    const other = new LagTracker();
    other.record(1, replica(1000));
    expect(other.replica().lag(3, replica(5))).toBeUndefined();
  });
});

describe("the load of a replica", () => {
  it("is unknown if INFO lacks it", () => {
    expect(parseLoad("role:slave\r\n")).toBeUndefined();
    expect(parseLoad("instantaneous_ops_per_sec:12\r\nconnected_clients:3\r\n")).toEqual({
      commandsPerSecond: 12,
      clients: 3,
    });
  });
});
