/** Figures derived from a history: availability, outages, and writes missing at the end. */
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { latest, operations } from "../helpers/history/bounds";
import { longestGap, missing, outside, shares } from "../helpers/history/figures";
import { type Kind, outcome, parseLine, type Recorded } from "../helpers/history/record";
import { type HistoryRun, historyTables, isClean } from "../helpers/history/run";
import { Tail } from "../helpers/history/tail";

const SECOND = 1_000_000;
const answer = (status: number, reason = "", kind: Kind = "set"): Recorded => ({
  client: 0,
  api: 0,
  kind,
  key: "k",
  value: kind === "set" ? "v" : null,
  call: 0,
  end: SECOND,
  status,
  reason: reason && JSON.stringify({ error: reason }),
});
const write = (value: string | null, call: number, end: number, status = 200): Recorded => ({
  ...answer(status, status === 200 ? "" : "Redis did not answer within 1000 ms", value === null ? "delete" : "set"),
  value,
  call: call * SECOND,
  end: end * SECOND,
});

it("a write counts as failed only if the response proves that nothing was executed", () => {
  const refused = [
    "Redis is not reachable",
    "Redis does not answer",
    "Redis refused: NOREPLICAS",
    "overloaded, try again",
  ];
  expect(refused.map((reason) => outcome(answer(503, reason)))).toEqual(refused.map(() => "failed"));
  const doubtful = [
    "Redis did not answer within 1000 ms",
    "the write may be lost: Redis is not reachable",
    "the write may be lost: Redis refused: NOREPLICAS",
    "the connection to Redis was lost",
    "Redis refused: ERR",
  ];
  expect(doubtful.map((reason) => outcome(answer(503, reason)))).toEqual(doubtful.map(() => "unknown"));
  expect(outcome(answer(0, "ECONNRESET"))).toBe("unknown");
  expect(outcome(answer(500))).toBe("unknown");
  expect(outcome(answer(400))).toBe("failed");
});

it("a strong read that finds nothing counts as a result; a failed one proves nothing", () => {
  expect(outcome(answer(404, "", "read"))).toBe("ok");
  expect(operations([answer(503, "Redis did not answer within 1000 ms", "read")], [])).toEqual([]);
});

it("a write of unknown outcome may take effect up to two seconds after its response, or after a suspended main resumes", () => {
  const record = write("a", 0, 1, 503);
  const period = (from: number, to: number) => ({ from: from * SECOND, to: to * SECOND });
  expect(latest(record, [])).toBe(3 * SECOND);
  expect(latest(record, [period(0.5, 6)])).toBe(8 * SECOND);
  // main is suspended again before the write's time limit expires
  expect(latest(record, [period(7, 9), period(0.5, 6)])).toBe(11 * SECOND);
  expect(latest(record, [period(3.5, 6)])).toBe(3 * SECOND);
  // the checker reads whole numbers
  expect(latest(record, [{ from: 0.5 * SECOND, to: 6 * SECOND + 0.5 }])).toBe(8 * SECOND + 1);
});

it("the last acknowledged write counts as missing unless an instance holds it or a write that may have followed", () => {
  const lacks = (records: readonly Recorded[], value: string | null) => missing(records, [], new Map([["k", value]]));
  const records = [write("a", 0, 1), write("b", 2, 3)];
  expect(lacks(records, "b")).toEqual([]);
  expect(lacks(records, "a")).toEqual(["k"]);
  expect(lacks(records, null)).toEqual(["k"]);
  // at the same time, so either is correct
  expect(lacks([write("a", 0, 2.5), write("b", 2, 3)], "a")).toEqual([]);
  expect(lacks([...records, write(null, 4, 5, 503)], null)).toEqual([]);
  expect(lacks([write(null, 0, 1, 503), ...[write("b", 4, 5)]], null)).toEqual(["k"]);
  expect(lacks([...records, write(null, 4, 5)], "b")).toEqual(["k"]);
  // never acknowledged
  expect(lacks([write("a", 0, 1, 503)], null)).toEqual([]);
  expect(lacks([write("a", 0, 1, 503)], "a")).toEqual([]);
});

it("outages, availability and shares", () => {
  const records = [write("a", 0, 1), write("b", 2, 6, 503), write("c", 6, 7), write("d", 9, 10)];
  expect(longestGap(records, { from: 1 * SECOND, to: 8 * SECOND })).toBe(6);
  expect(outside(records, [{ from: 1.5 * SECOND, to: 6.5 * SECOND }])).toEqual([records[0], records[3]]);
  expect(shares([...records, answer(200, "", "read")])).toEqual({ set: 0.8, delete: 0, read: 0.2 });
});

it("a growing file is read line by line, even while its last line is incomplete", () => {
  const file = path.join(fs.mkdtempSync(path.join(os.tmpdir(), "tail-")), "history");
  const tail = new Tail(file);
  expect(tail.read()).toEqual([]);
  const line = '[1,0,"set","k","1.0",5,9,200,""]\n';
  fs.writeFileSync(file, line + line.slice(0, 10));
  expect(tail.read()).toEqual([parseLine(line)]);
  fs.appendFileSync(file, line.slice(10));
  expect(tail.read()).toHaveLength(2);
});

it("a run is clean only if it has no violations, undecided keys, missing writes or components that stay broken", () => {
  const run: HistoryRun = {
    faults: 50,
    operations: 120_000,
    keys: 8,
    apis: 2,
    shares: { set: 0.4, delete: 0.15, read: 0.45 },
    violations: [],
    undecided: [],
    missing: { "redis-main-0": [] },
    outside: { all: 100_000, ok: 99_950 },
    outages: [{ fault: "link cut", seconds: 4.2, recovered: true }],
  };
  expect(isClean(run)).toBe(true);
  const worse: Partial<HistoryRun>[] = [
    { violations: ["history-1"] },
    { undecided: ["history-1"] },
    { missing: { "redis-main-1": ["history-2"] } },
    { outside: { all: 100_000, ok: 99_800 } },
    { outages: [{ fault: "link cut", seconds: 90, recovered: false }] },
  ];
  for (const change of worse) expect(isClean({ ...run, ...change })).toBe(false);
  const table = historyTables({ "ha 1": run, "safe 2": { ...run, violations: ["history-1"] } });
  expect(table).toMatch(
    /`ha`: keys whose history no order explains \| 0 of 8; 120,000 operations, 50 faults \(seed 1\).*\| met \|/,
  );
  expect(table).toMatch(/`safe`: keys whose history no order explains \| 1 of 8.*\| \*\*not met\*\* \|/);
  expect(table).toContain("| link cut | 4.2 (4.2; 1) | 4.2 (4.2; 1) |");
});
