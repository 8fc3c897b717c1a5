/** Runs the history checker on handwritten histories. */
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { LATE_MICROS, operations } from "../helpers/history/bounds";
import { buildChecker, check, explain, hasGo, type Verdict } from "../helpers/history/checker";
import type { Kind, Period, Recorded } from "../helpers/history/record";
import { random } from "../helpers/random";

const SECOND = 1_000_000;
if (!hasGo) console.log("SKIPPED: the history checker is not tested, because Go is not installed");
const withGo = hasGo ? describe : describe.skip;

interface Extra {
  readonly client?: number;
  readonly status?: number;
  readonly reason?: string;
}
/** One operation on key `k`; times in seconds. */
const op = (kind: Kind, value: string | null, call: number, end: number, extra: Extra = {}): Recorded => ({
  client: 0,
  api: 0,
  kind,
  key: "k",
  value,
  call: Math.floor(call * SECOND),
  end: Math.ceil(end * SECOND),
  status: kind === "read" && value === null ? 404 : 200,
  reason: "",
  ...extra,
});
const set = (value: string, call: number, end: number, extra?: Extra) => op("set", value, call, end, extra);
const del = (call: number, end: number, extra?: Extra) => op("delete", null, call, end, extra);
const read = (value: string | null, call: number, end: number) => op("read", value, call, end);
/** Not acknowledged: the operation may or may not have been executed. */
const unknown: Extra = { status: 503, reason: '{"error":"Redis did not answer within 1000 ms"}' };
const refused: Extra = { status: 503, reason: '{"error":"Redis refused: NOREPLICAS"}' };

let folder: string;
beforeAll(() => (folder = fs.mkdtempSync(path.join(os.tmpdir(), "history-"))));
afterAll(() => fs.rmSync(folder, { recursive: true }));

const verdict = (records: readonly Recorded[], frozen: readonly Period[] = []): Verdict =>
  check(operations(records, frozen), folder)[0]!;
const accepted = (records: readonly Recorded[], frozen?: readonly Period[]) => verdict(records, frozen).verdict;
/** The operations of a violation, in short form. */
const core = (records: readonly Recorded[], frozen?: readonly Period[]) => {
  const found = verdict(records, frozen);
  expect(found.verdict).toBe("illegal");
  return found.core.map(({ kind, value }) => [kind, value].filter(Boolean).join(" "));
};

withGo("the history checker", () => {
  beforeAll(buildChecker, 120_000);

  it("accepts one client's consecutive operations", () => {
    expect(accepted([read(null, 0, 1), set("a", 2, 3), read("a", 4, 5), del(6, 7), read(null, 8, 9)])).toBe("ok");
  });

  it("accepts overlapping operations in either order", () => {
    const both = [set("a", 0, 4), set("b", 1, 3)];
    expect(accepted([...both, read("a", 5, 6), read("a", 7, 8)])).toBe("ok");
    expect(accepted([...both, read("b", 5, 6), read("b", 7, 8)])).toBe("ok");
    expect(accepted([set("a", 0, 1), set("b", 2, 9), read("a", 3, 4), read("b", 5, 6), read("b", 7, 8)])).toBe("ok");
    // but all readers must see the same order
    expect(core([...both, read("a", 5, 6), read("b", 7, 8)])).toHaveLength(4);
    expect(core([set("a", 0, 1), set("b", 2, 9), read("b", 3, 4), read("a", 5, 6)])).toEqual(
      expect.arrayContaining(["read b", "read a"]),
    );
  });

  it("flags an acknowledged set that is lost", () => {
    expect(core([set("a", 0, 1), set("b", 2, 3), read("a", 4, 5)])).toEqual(["set a", "set b", "read a"]);
    expect(core([set("a", 0, 1), read(null, 2, 3)])).toEqual(["set a", "read"]);
  });

  it("flags an acknowledged delete that is lost", () => {
    expect(core([set("a", 0, 1), del(2, 3), read("a", 4, 5)])).toEqual(["set a", "delete", "read a"]);
  });

  it("flags a stale read, and a read of a value that no client set", () => {
    expect(core([set("a", 0, 1), set("b", 2, 3), read("b", 4, 5), read("a", 4.5, 6), read("b", 7, 8)])).toContain(
      "read a",
    );
    expect(core([read("never", 0, 1)])).toEqual(["read never"]);
  });

  it("flags a dirty read: a value that was read even though its write never took effect", () => {
    const dirty = [set("a", 0, 1), set("b", 2, 3, unknown), read("b", 2.5, 2.6), read("a", 3.1, 3.2)];
    expect(core(dirty)).toEqual(expect.arrayContaining(["read b", "read a"]));
  });

  it("accepts a write of unknown outcome, whether or not it takes effect", () => {
    const records = [set("a", 0, 1), set("b", 2, 3, unknown)];
    expect(accepted([...records, read("a", 3.5, 4), read("b", 4.4, 4.5)])).toBe("ok");
    expect(accepted([...records, read("a", 30, 31)])).toBe("ok");
    expect(accepted([set("a", 0, 1), del(2, 3, unknown), read("a", 30, 31)])).toBe("ok");
    expect(accepted([set("a", 0, 1), del(2, 3, unknown), read("a", 3.5, 4), read(null, 4.5, 6)])).toBe("ok");
  });

  it("accepts a write that takes effect up to two seconds after its response, and flags a later one", () => {
    const late = (at: number) => [
      set("a", 0, 1),
      set("b", 2, 3, unknown),
      set("c", 3.1, 3.2),
      read("c", at - 0.2, at - 0.1),
      read("b", at, at + 0.1),
    ];
    expect(accepted(late(4.9))).toBe("ok");
    expect(core(late(5.3))).toEqual(expect.arrayContaining(["set b", "read b"]));
    const lateDelete = (at: number) => [
      set("a", 0, 1),
      del(2, 3, unknown),
      read("a", at, at),
      read(null, at + 0.1, at + 0.2),
    ];
    expect(accepted(lateDelete(4.9))).toBe("ok");
    expect(core(lateDelete(5.1))).toEqual(["set a", "read a", "read"]);
  });

  it("accepts a write that takes effect up to two seconds after a suspended main resumes, and flags a later one", () => {
    const frozen = [{ from: 2.5 * SECOND, to: 9 * SECOND }];
    const late = (at: number) => [
      set("a", 0, 1),
      set("b", 2, 3, unknown),
      read("a", at - 0.2, at - 0.1),
      read("b", at, at + 1),
    ];
    expect(accepted(late(10.9), frozen)).toBe("ok");
    expect(core(late(11.3), frozen)).toEqual(expect.arrayContaining(["read a", "read b"]));
    // suspending main after the limit has passed does not extend it
    const after = [{ from: 5.1 * SECOND, to: 9 * SECOND }];
    expect(core(late(10.9), after)).toEqual(expect.arrayContaining(["read a", "read b"]));
  });

  it("flags a refused write that was executed", () => {
    expect(core([set("a", 0, 1), set("b", 2, 3, refused), read("b", 4, 5)])).toEqual(["set a", "read b"]);
    expect(core([set("a", 0, 1), del(2, 3, refused), read(null, 4, 5)])).toEqual(["set a", "read"]);
  });

  it("flags a write of unknown outcome that takes effect twice", () => {
    const twice = [
      set("b", 0, 1, unknown),
      read("b", 0.5, 0.6),
      set("c", 1, 1.1),
      read("c", 1.2, 1.3),
      read("b", 1.4, 1.5),
    ];
    expect(core(twice)).toEqual(expect.arrayContaining(["read b", "set c", "read b"]));
  });

  it("checks each key separately", () => {
    const other = { ...read("a", 2, 3), key: "other" };
    const verdicts = check(operations([set("a", 0, 1), read("a", 2, 3), other], []), folder);
    expect(verdicts.map((v) => [v.key, v.verdict])).toEqual([
      ["k", "ok"],
      ["other", "illegal"],
    ]);
  });

  it("explains a violation by showing the contradictory operations, the fault, and a picture", () => {
    const calm = Array.from({ length: 200 }, (_, i) => [
      set(`v${i}`, i, i + 0.1),
      read(`v${i}`, i + 0.2, i + 0.3),
    ]).flat();
    const found = verdict([...calm, del(200, 200.1, { client: 7 }), read("v199", 201, 201.1), set("later", 202, 203)]);
    const faults = [
      { name: "link cut, main 1", from: 199 * SECOND, to: 205 * SECOND },
      { name: "process killed, main 0", from: 20 * SECOND, to: 25 * SECOND },
    ];
    const text = explain(found, 0, faults);
    expect(text.split("\n")).toHaveLength(6);
    expect(text).toMatch(/client 7, API 0: deletes \(200\)/);
    expect(text).toContain("link cut, main 1");
    expect(text).not.toContain("process killed");
    expect(fs.readFileSync(found.picture!, "utf8")).toMatch(/^<!DOCTYPE html>/i);
    expect(fs.readFileSync(found.history!, "utf8").trim().split("\n").length).toBeLessThan(10);
  });

  /** A correct history: each operation takes effect at a random moment between request and response. */
  const correct = (count: number, clients: number): Recorded[] => {
    const draw = random(24);
    const free = Array.from({ length: clients }, () => 0);
    const drawn = Array.from({ length: count }, (_, n) => {
      const client = free.indexOf(Math.min(...free));
      const call = free[client]! + draw() * 0.002;
      const end = call + 0.001 + draw() * 0.02;
      free[client] = end;
      const share = draw();
      const kind: Kind = share < 0.4 ? "set" : share < 0.55 ? "delete" : "read";
      return { kind, n, client, call, end, effect: call + draw() * (end - call), isUnknown: draw() < 0.02 };
    });
    let held: string | null = null;
    const records: Recorded[] = [];
    for (const { kind, n, client, call, end, isUnknown } of [...drawn].sort((a, b) => a.effect - b.effect)) {
      if (kind === "read") records.push({ ...read(held, call, end), client });
      else {
        held = kind === "set" ? `v${n}` : null;
        records.push({ ...op(kind, held, call, end), client, ...(isUnknown ? unknown : {}) });
      }
    }
    return records.sort((a, b) => a.end - b.end);
  };

  it("accepts a long correct history, and flags it once a single read is changed", () => {
    const records = correct(1000, 5);
    expect(accepted(records)).toBe("ok");
    const values = records.filter((r) => r.kind === "set" && r.status === 200);
    for (const share of [0.3, 0.8]) {
      const i = records.findIndex((r, n) => n > records.length * share && r.kind === "read");
      // a value that is half a second old
      const stale = values.findLast((v) => v.end < records[i]!.call - SECOND / 2)!.value;
      const changed = records.map((r, n) => (n === i ? { ...r, value: stale, status: 200 } : r));
      const found = verdict(changed);
      expect(found.verdict).toBe("illegal");
      expect(found.core.map((o) => o.record)).toContain(changed[i]);
      expect(found.core.length).toBeLessThan(8);
    }
  }, 60_000);
});

it("docs/api.md guarantees two seconds", () => {
  expect(LATE_MICROS).toBe(2 * SECOND);
});
