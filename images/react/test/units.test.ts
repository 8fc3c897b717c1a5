/** Small pieces by themselves. */
import { describe, expect, it } from "vitest";
import type { Status } from "../src/api";
import { patternOf } from "../src/keys/pattern";
import { has, merge, withKey, withoutKey } from "../src/keys/sorted";
import { type Fleet, FORGOTTEN_MS, heard, view } from "../src/live/fleet";
import { speak, t } from "../src/text";
import { en } from "../src/text/en";
import { fr } from "../src/text/fr";

describe("a search as a pattern", () => {
  it.each([
    ["", undefined],
    ["ab", "*[aA][bB]*"],
    ["A-1", "*[aA]-1*"],
    ["*?[]\\^", "*\\*\\?\\[\\]\\\\\\^*"],
    ["é日", "*é日*"],
  ])("%s is %s", (text, pattern) => expect(patternOf(text)).toBe(pattern));

  it("stays within what the API takes, at the cost of the case", () => {
    const long = patternOf("a".repeat(300))!;
    expect(long).toBe(`*${"a".repeat(300)}*`);
    expect(new TextEncoder().encode(patternOf("b".repeat(200))!).length).toBeLessThanOrEqual(1024);
  });
});

describe("merging sorted keys", () => {
  it.each([
    [[], [], []],
    [["a"], [], ["a"]],
    [
      ["a", "c"],
      ["b", "c", "d"],
      ["a", "b", "c", "d"],
    ],
    [["a", "a"], ["a"], ["a"]],
  ])("%j and %j are %j", (a, b, both) => expect(merge(a, b)).toEqual(both));
});

describe("one key of a sorted list", () => {
  const keys = ["a", "c", "e"];
  it.each([
    ["a", true],
    ["b", false],
    ["e", true],
    ["f", false],
    ["", false],
  ])("%s is put in its place and taken out of it", (key, there) => {
    expect(has(keys, key)).toBe(there);
    expect(withKey(keys, key)).toEqual([...new Set([...keys, key])].sort());
    expect(withoutKey(keys, key)).toEqual(keys.filter((k) => k !== key));
    expect(keys).toEqual(["a", "c", "e"]);
  });
});

describe("the fleet", () => {
  const status = (
    id: string,
    answered: number,
    reads: Record<string, number> = {},
    more: Partial<Status> = {},
  ): Status => ({
    server: { id, name: `node-${id}`, uptimeSeconds: 30 },
    requests: { answered, inFlight: 0, shed: 0 },
    main: { up: true },
    replicas: Object.entries(reads).map(([name, count]) => ({ name, state: "serving", lagSeconds: 0.1, reads: count })),
    ...more,
  });
  const after = (...rounds: [at: number, statuses: Status[]][]): Fleet =>
    rounds.reduce<Fleet>((fleet, [at, statuses]) => heard(fleet, statuses, at), new Map());

  it("has rates from the differences of each pod's own counts, summed", () => {
    const fleet = after(
      [0, [status("a", 100, { r0: 10 }), status("b", 5000, { r0: 1000 })]],
      [2000, [status("a", 300, { r0: 110 }), status("b", 5100, { r0: 1050 })]],
    );
    const now = view(fleet, 2000, 0);
    expect(now.pods.map((p) => [p.name, p.perSecond])).toEqual([
      ["node-a", 100],
      ["node-b", 50],
    ]);
    expect(now.perSecond).toBe(150);
    expect(now.replicas).toMatchObject([{ name: "r0", readsPerSecond: 75, state: "serving", lagSeconds: 0.1 }]);
  });

  it("has the rate of a replica that is new from its first reads on", () => {
    const fleet = after([0, [status("a", 0, { r0: 10 })]], [2000, [status("a", 0, { r0: 10, r1: 50 })]]);
    expect(view(fleet, 2000, 0).replicas).toMatchObject([
      { name: "r0", readsPerSecond: 0 },
      { name: "r1", readsPerSecond: 25 },
    ]);
  });

  it("knows no rate after one answer, nor from two of one moment", () => {
    expect(view(after([0, [status("a", 100), status("a", 101)]]), 0, 0).pods[0]!.perSecond).toBeUndefined();
  });

  it("forgets a pod that has been silent, not one that was asked a moment ago", () => {
    const fleet = after([0, [status("a", 1), status("b", 1)]], [FORGOTTEN_MS + 1, [status("b", 2)]]);
    expect(view(fleet, FORGOTTEN_MS + 1, 0).pods.map((p) => p.id)).toEqual(["b"]);
  });

  it("marks what came while one watched as new, not what was there at first", () => {
    const fleet = after(
      [0, [status("a", 1, { r0: 1 })]],
      [4000, [status("a", 2, { r0: 2, r1: 0 }), status("b", 1, { r0: 1, r1: 0 })]],
    );
    const now = view(fleet, 4000, 0);
    expect(now.pods.map((p) => [p.id, p.fresh])).toEqual([
      ["a", false],
      ["b", true],
    ]);
    expect(now.replicas.map((r) => [r.name, r.fresh])).toEqual([
      ["r0", false],
      ["r1", true],
    ]);
    expect(view(fleet, 20_000, 0).pods.some((p) => p.fresh)).toBe(false);
  });

  it("says main is away only where no pod has it", () => {
    const down = { main: { up: false } };
    expect(view(after([0, [status("a", 1, {}, down), status("b", 1)]]), 0, 0).mainUp).toBe(true);
    expect(view(after([0, [status("a", 1, {}, down)]]), 0, 0).mainUp).toBe(false);
    expect(view(new Map(), 0, 0).mainUp).toBeUndefined();
  });
});

describe("the page's words", () => {
  it.each([
    [["fr-CA", "en"], "fr"],
    [["de", "fr"], "fr"],
    [["de"], "en"],
    [[], "en"],
    [["constructor"], "en"],
  ])("for a browser that wants %j are in %s", async (wanted, lang) => {
    await speak(wanted);
    expect(t.lang).toBe(lang);
    await speak(["en"]);
  });

  it("count as the language does", () => {
    expect([0, 1, 2].map((n) => en.count(n, false))).toEqual(["0 keys", "1 key", "2 keys"]);
    expect([0, 1, 2].map((n) => fr.count(n, false))).toEqual(["0 clé", "1 clé", "2 clés"]);
    expect(en.count(100_000, true)).toBe("100,000+ keys");
  });
});
