/**
 * The page's words in the browser's language. Plain typed objects: a missing or superfluous sentence
 * does not compile, and plurals and numbers are the browser's own Intl. Only one language is loaded.
 */
import type { Text } from "./en";

const LANGUAGES: Readonly<Record<string, () => Promise<Text>>> = {
  en: () => import("./en").then((m) => m.en),
  fr: () => import("./fr").then((m) => m.fr),
};

/** Of use once {@link speak} has resolved; nothing is drawn before. */
export let t: Text;

/** Loads the first of the wanted languages that there is; English otherwise. */
export async function speak(wanted: readonly string[]): Promise<void> {
  const tag = wanted.map((w) => w.toLowerCase().split("-")[0]!).find((w) => Object.hasOwn(LANGUAGES, w));
  t = await LANGUAGES[tag ?? "en"]!();
}
