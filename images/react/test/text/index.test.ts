import { describe, expect, it } from "vitest";
import { loadTexts, t } from "../../src/text";
import { en } from "../../src/text/en";
import { fr } from "../../src/text/fr";

describe("the page's texts", () => {
  it.each([
    [["fr-CA", "en"], "fr"],
    [["de", "fr"], "fr"],
    [["de"], "en"],
    [[], "en"],
    [["constructor"], "en"],
  ])("are in the right language for a browser that prefers %j: %s", async (preferred, lang) => {
    await loadTexts(preferred);
    expect(t.lang).toBe(lang);
    await loadTexts(["en"]);
  });

  it("use the language's plural and number formats", () => {
    expect([0, 1, 2].map((n) => en.count(n, false))).toEqual(["0 keys", "1 key", "2 keys"]);
    expect([0, 1, 2].map((n) => fr.count(n, false))).toEqual(["0 clé", "1 clé", "2 clés"]);
    expect(en.count(100_000, true)).toBe("100,000+ keys");
  });
});
