import { describe, expect, it } from "vitest";
import { has, merge, withKey, withoutKey } from "../../src/keys/sorted";

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
  ])("of %j and %j gives %j", (a, b, both) => expect(merge(a, b)).toEqual(both));
});

describe("a key in a sorted list", () => {
  const keys = ["a", "c", "e"];
  it.each([
    ["a", true],
    ["b", false],
    ["e", true],
    ["f", false],
    ["", false],
  ])("%j is inserted in order and removed", (key, present) => {
    expect(has(keys, key)).toBe(present);
    expect(withKey(keys, key)).toEqual([...new Set([...keys, key])].sort());
    expect(withoutKey(keys, key)).toEqual(keys.filter((k) => k !== key));
    expect(keys).toEqual(["a", "c", "e"]);
  });
});
