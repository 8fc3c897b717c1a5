import { describe, expect, it } from "vitest";
import { patternOf } from "../../src/keys/pattern";

describe("the pattern of a search", () => {
  it.each([
    ["", undefined],
    ["ab", "*[aA][bB]*"],
    ["A-1", "*[aA]-1*"],
    ["*?[]\\^", "*\\*\\?\\[\\]\\\\\\^*"],
    ["é日", "*é日*"],
  ])("for %j is %j", (text, pattern) => expect(patternOf(text)).toBe(pattern));

  it("stays within the API's limit by matching case in long searches", () => {
    const long = patternOf("a".repeat(300))!;
    expect(long).toBe(`*${"a".repeat(300)}*`);
    for (const length of [63, 64, 200])
      expect(new TextEncoder().encode(patternOf("b".repeat(length))!).length).toBeLessThanOrEqual(256);
  });
});
