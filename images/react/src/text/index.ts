/**
 * The page's texts in the browser's language. They are plain typed objects, so a missing or extra text does not
 * compile; plurals and numbers use the browser's Intl. Only one language is loaded.
 */
import type { Text } from "./en";

const LANGUAGES: Readonly<Record<string, () => Promise<Text>>> = {
  en: () => import("./en").then((m) => m.en),
  fr: () => import("./fr").then((m) => m.fr),
};

/** Set once {@link loadTexts} has resolved; nothing is rendered before that. */
export let t: Text;

/** Loads the first of the preferred languages that is available, or English. */
export async function loadTexts(preferred: readonly string[]): Promise<void> {
  const tag = preferred.map((p) => p.toLowerCase().split("-")[0]!).find((p) => Object.hasOwn(LANGUAGES, p));
  t = await LANGUAGES[tag ?? "en"]!();
}
