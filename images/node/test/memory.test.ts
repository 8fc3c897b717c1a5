import fc from "fast-check";
import { beforeEach, describe, expect, it } from "vitest";
import { type BodyMemory, Memory } from "../src/memory";

describe("the memory of large requests and responses", () => {
  const LIMIT = 100;
  let memory: Memory;
  let refused: number;
  let lost: string[];
  let now: number;
  beforeEach(() => {
    refused = 0;
    lost = [];
    now = 0;
    memory = new Memory(
      LIMIT,
      () => new Error(`refused ${++refused}`),
      () => now,
    );
  });
  const arriving = (name: string, bytes: number): BodyMemory => {
    const body = memory.body(() => void lost.push(name));
    body.arrive();
    body.grow(bytes);
    return body;
  };

  it("is taken back from the body with the largest product of size and age", () => {
    arriving("large and new", 40);
    now = 10;
    arriving("small and old", 10);
    arriving("old", 30);
    now = 12;
    memory.reserve(30);
    expect([lost, memory.used, refused]).toEqual([["large and new"], 70, 1]);
    now = 100;
    memory.reserve(50);
    expect([lost, memory.used, refused]).toEqual([["large and new", "old"], 90, 2]);
  });

  /**
   * Simulates `attackers` callers that send 1.5 MiB each at `rate` bytes per second, again and again, and one caller
   * that sends 1 MiB at `honest` bytes per second. Returns how often the latter was completed and displaced.
   */
  const compete = (attackers: number, rate: number, honest: number) => {
    const KIB = 1024;
    const all = new Memory(
      48 * KIB * KIB,
      () => new Error("refused"),
      () => now,
    );
    const result = { completed: 0, displaced: 0 };
    const caller = (bytesPerMs: number, size: number, count?: typeof result, begin = 0) => {
      let body: BodyMemory | undefined;
      let began = begin;
      const restart = () => {
        body = undefined;
        began = now;
      };
      return () => {
        if (now < began) return;
        body ??= all.body(() => {
          if (count) count.displaced++;
          restart();
        });
        if (body.bytes === 0) body.arrive();
        const arrived = Math.floor(((now - began) * bytesPerMs) / (64 * KIB)) * 64 * KIB;
        if (arrived <= body.bytes) return;
        try {
          body.grow(Math.min(arrived, size));
        } catch {
          body.release();
          if (count) count.displaced++;
          return restart();
        }
        if (arrived < size) return;
        body.release();
        if (count) count.completed++;
        restart();
      };
    };
    const callers = Array.from({ length: attackers }, (_, i) =>
      caller(rate / 1000, 1.5 * KIB * KIB, undefined, i * 211),
    );
    callers.push(caller(honest / 1000, KIB * KIB, result, 30_000));
    for (now = 0; now < 400_000; now += 20) for (const step of callers) step();
    return result;
  };
  it.each([
    ["70 callers send 64 KiB/s each", 70, 64, 50],
    ["70 callers send 64 KiB/s each, and it is fast", 70, 64, 10_000],
    ["400 callers send 64 KiB/s each, and it is fast", 400, 64, 10_000],
    ["60 callers send 110 KiB/s each", 60, 110, 100],
  ])("is not taken from a body that keeps arriving while %s", (_, attackers, rate, honest) => {
    const { completed, displaced } = compete(attackers, rate * 1024, honest * 1024);
    expect([completed > 10, displaced]).toEqual([true, 0]);
  });

  it("is not taken back from a body that holds none, because that would not help", () => {
    arriving("empty", 0);
    arriving("full", 90);
    memory.reserve(20);
    expect([lost, memory.arriving]).toEqual([["full"], 1]);
  });

  it("is not taken back from complete bodies, nor from the requesting body: the request is rejected, and no other loses memory", () => {
    arriving("complete", 60).keep();
    const own = arriving("own", 30);
    arriving("other", 10);
    expect(() => own.grow(50)).toThrow("refused 1");
    expect(() => memory.reserve(41)).toThrow("refused 2");
    expect([lost, memory.used]).toEqual([[], 100]);
    own.grow(40);
    expect([lost, memory.used]).toEqual([["other"], 100]);
  });

  it("may exceed the limit for a single request only if no other request holds any", () => {
    arriving("slow", 50);
    const release = memory.reserve(150);
    expect([lost, memory.used]).toEqual([["slow"], 150]);
    expect(() => memory.reserve(1)).toThrow("refused");
    release();
    release();
    expect(memory.used).toBe(0);
  });

  it("can be freed by rejecting the slowest body of all, even one that holds nothing", () => {
    arriving("empty", 0);
    arriving("full", 90);
    memory.giveUpSlowest(new Error("too many"));
    expect([lost, memory.used, memory.arriving]).toEqual([["empty"], 90, 1]);
  });

  it("stays with a body that arrives slowly but steadily, while bodies come that stop after a few bytes", () => {
    const steady = memory.body(() => void lost.push("steady"));
    steady.arrive();
    for (let i = 0; i < 1000; i++) {
      now += 15;
      // 5 KB/s
      steady.received += 75;
      const stopped = memory.body(() => void lost.push("stopped"));
      stopped.received = 100;
      stopped.arrive();
      if (memory.arriving > 60) memory.giveUpSlowest(new Error("too many"));
    }
    expect([lost.length, lost.includes("steady")]).toEqual([941, false]);
  });

  it("is taken from the oldest body if all have only just begun", () => {
    for (const name of ["first", "second"]) arriving(name, 0);
    now += 100;
    memory.giveUpSlowest(new Error("too many"));
    expect(lost).toEqual(["first"]);
  });

  it("never exceeds its limit, and is completely free in the end, whatever arrives", () => {
    const step = fc.record({ at: fc.nat(9), bytes: fc.integer({ min: 1, max: 40 }), what: fc.nat(3) });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 300 }), (steps) => {
        const bound = new Memory(LIMIT, () => new Error("refused"));
        const open = new Map<number, { body: BodyMemory; bytes: number }>();
        for (const { at, bytes, what } of steps) {
          const found = open.get(at);
          if (!found) {
            const body = bound.body(() => open.delete(at));
            body.arrive();
            open.set(at, { body, bytes: 0 });
          } else if (what < 2) {
            try {
              found.body.grow(found.bytes + bytes);
              found.bytes += bytes;
            } catch {
              // refused: it keeps what it had
            }
          } else if (what === 2) found.body.keep();
          else {
            found.body.release();
            open.delete(at);
          }
          const held = [...open.values()].reduce((sum, { bytes: own }) => sum + own, 0);
          expect(bound.used).toBe(held);
          expect(held).toBeLessThanOrEqual(LIMIT);
        }
        for (const { body } of open.values()) body.release();
        expect([bound.used, bound.arriving]).toEqual([0, 0]);
      }),
    );
  });
});
