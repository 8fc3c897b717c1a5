import { describe, expect, it } from "vitest";
import { Pieces, SMALL_BYTES } from "../../src/http/pieces";

describe("the bytes of a body", () => {
  const collect = (declared: number | undefined, sizes: readonly number[]) => {
    const memory: number[] = [];
    const pieces = new Pieces(declared, (bytes) => memory.push(bytes));
    const sent = Buffer.concat(sizes.map((size, i) => Buffer.alloc(size, 97 + (i % 26))));
    let at = 0;
    for (const size of sizes) pieces.add(sent.subarray(at, (at += size)));
    expect(pieces.size).toBe(sent.length);
    expect(pieces.whole().equals(sent)).toBe(true);
    return memory;
  };

  it.each([
    ["in one piece", 100, [100], [100]],
    ["in two", 100, [40, 60], [100]],
    ["in large pieces", 200_000, [65_536, 65_536, 65_536, 3392], [16_384, 81_920, 147_456, 200_000]],
    ["of unknown length", undefined, [10, 20_000, 5], [16_384, 81_920]],
    ["that is empty", 0, [], []],
  ])("are complete, and take memory only as they arrive, for a body %s", (_, declared, sizes, expected) => {
    expect(collect(declared, sizes)).toEqual(expected);
  });

  it("take no more memory if they arrive one at a time", () => {
    expect(collect(undefined, Array<number>(100_000).fill(1))).toEqual([16_384, 81_920, 147_456]);
  });

  it("are not kept if there is too little memory for them", () => {
    const pieces = new Pieces(undefined, (bytes) => {
      if (bytes > SMALL_BYTES) throw new Error("too little");
    });
    pieces.add(Buffer.alloc(SMALL_BYTES));
    expect(() => pieces.add(Buffer.alloc(1))).toThrow("too little");
  });
});
