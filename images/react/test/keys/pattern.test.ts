import { describe, expect, it } from "vitest";
import { patternOf } from "../../src/keys/pattern";

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
