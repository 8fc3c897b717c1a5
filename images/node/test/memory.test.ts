import fc from "fast-check";
import { beforeEach, describe, expect, it } from "vitest";
import { type BodyMemory, Memory } from "../src/memory";

describe("the memory of large requests and responses", () => {
  const LIMIT = 100;
  let memory: Memory;
  let refused: number;
  let lost: string[];
  beforeEach(() => {
    refused = 0;
    lost = [];
    memory = new Memory(LIMIT, () => new Error(`refused ${++refused}`));
  });
  const arriving = (name: string, bytes: number): BodyMemory => {
    const body = memory.body(() => void lost.push(name));
    body.arrive();
    body.grow(bytes);
    return body;
  };

  it("is taken back from the body that has made no progress for longest", () => {
    const first = arriving("first", 30);
    arriving("second", 30);
    arriving("third", 30);
    first.grow(40);
    memory.reserve(10);
    expect([lost, memory.used, refused]).toEqual([["second"], 80, 1]);
    memory.reserve(50);
    expect([lost, memory.used, refused]).toEqual([["second", "third"], 100, 2]);
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
