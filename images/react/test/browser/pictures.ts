/**
 * Screenshots of the page's main states, for README and docs: `npm run pictures` in the project. The page, the API and
 * Redis are real; the data and the light load are invented.
 */
import { rmSync } from "node:fs";
import { join, resolve } from "node:path";
import { findBrowser, launch, open } from "./browser";
import { buildPage, Stack } from "./stack";

const target = resolve(import.meta.dirname, "../../../../docs/pictures");
const path = findBrowser("the screenshots");
if (!path) process.exit(1);

const NOTES: Readonly<Record<string, string>> = {
  "course:2026": "Autoscaling and infrastructure as code",
  "cities:lyon": "45.76, 4.84",
  "cities:rennes": "48.11, -1.68",
  "cities:toulouse": "43.60, 1.44",
  "colours:accent": "#1d4ed8",
  "colours:good": "#087443",
  "greeting:en": "Hello",
  "greeting:fr": "Bonjour",
  "poem:1": "Roses are red,\nviolets are blue,\nreplicas follow\nwhat main wants them to.",
  "todo:1": "Write the report",
  "todo:2": "Scale to zero worries",
  "user:ada": "Ada Lovelace",
  "user:grace": "Grace Hopper",
};

const page = await buildPage();
const stack = await new Stack().start(page, 3);
const browser = await launch(path);
for (let i = 0; i < 2; i++) await stack.addApi();
for (const [id, value] of Object.entries(NOTES)) stack.redis("SET", id, value);
const readers = setInterval(() => {
  for (const id of Object.keys(NOTES)) void fetch(`${stack.address}/api/item?id=${id}`).then((r) => r.text());
}, 100);

for (const [name, options] of [
  ["page", {}],
  ["page-dark", { colorScheme: "dark" as const }],
  ["page-fr", { locale: "fr-FR" }],
  ["page-phone", { viewport: { width: 390, height: 844 }, deviceScaleFactor: 2, hasTouch: true, isMobile: true }],
] as const) {
  const opened = await open(browser, stack.address, options);
  // long enough for two status responses from every pod
  await opened.page.waitForTimeout(9000);
  await opened.page.locator(".check button").click();
  await opened.page.locator(".verdict.done").waitFor();
  if (name === "page") await opened.page.getByRole("button", { name: "Edit poem:1" }).click();
  await opened.page.screenshot({ path: join(target, `${name}.png`), fullPage: name !== "page-phone" });
  if (opened.problems.length) throw new Error(opened.problems.join("\n"));
  await opened.close();
  console.log(`docs/pictures/${name}.png`);
}
clearInterval(readers);
await browser.close();
await stack.stop();
rmSync(page, { recursive: true });
process.exit(0);
