/** The system's Chromium, and the checks that apply to every page. */
import { existsSync } from "node:fs";
import AxeSource from "axe-core";
import { type Browser, type BrowserContextOptions, chromium, type Page } from "playwright-core";
import { expect } from "vitest";

const CANDIDATES = [
  process.env["CHROMIUM"],
  "/usr/bin/chromium",
  "/usr/bin/chromium-browser",
  "/usr/bin/google-chrome",
  "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
  "/Applications/Chromium.app/Contents/MacOS/Chromium",
];

/** The path of a browser. If none is installed, prints what is skipped and returns undefined. */
export function findBrowser(what: string): string | undefined {
  const found = CANDIDATES.find((path) => path && existsSync(path));
  if (!found) console.warn(`SKIPPED: ${what}: no Chromium or Chrome found (set CHROMIUM to the path of a browser)`);
  return found;
}

export const launch = (executablePath: string): Promise<Browser> =>
  // root in a container cannot use the sandbox, which is not needed because the tests open only the project's own pages
  chromium.launch({ executablePath, args: process.getuid?.() === 0 ? ["--no-sandbox"] : [] });

/** Opens a page and collects its console errors and exceptions in `problems`. */
export async function open(
  browser: Browser,
  address: string,
  options: BrowserContextOptions = {},
): Promise<{ page: Page; problems: string[]; close: () => Promise<void> }> {
  const context = await browser.newContext({
    locale: "en-GB",
    viewport: { width: 1100, height: 800 },
    permissions: ["clipboard-read", "clipboard-write"],
    ...options,
  });
  const page = await context.newPage();
  const problems: string[] = [];
  page.on("pageerror", (error) => problems.push(String(error)));
  page.on("console", (message) => {
    // the browser logs every response that is not 2xx; a missing key is a normal 404
    if (message.type() === "error" && !message.text().startsWith("Failed to load resource"))
      problems.push(message.text());
  });
  await page.goto(address);
  return { page, problems, close: () => context.close() };
}

/** Expects that axe finds no violation of WCAG 2 A and AA. */
export async function accessible(page: Page): Promise<void> {
  await page.evaluate(AxeSource.source);
  const violations = await page.evaluate(async () => {
    const axe = (window as unknown as { axe: typeof AxeSource }).axe;
    const result = await axe.run(document, {
      runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    });
    return result.violations.map((v) => `${v.id}: ${v.help}: ${v.nodes.map((n) => n.html).join(" | ")}`);
  });
  expect(violations).toEqual([]);
}
