import { describe, expect, it } from "vitest";
import { speak, t } from "../../src/text";
import { en } from "../../src/text/en";
import { fr } from "../../src/text/fr";

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
