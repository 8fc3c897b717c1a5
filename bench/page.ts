/**
 * Measures the page on a CPU throttled to a quarter of its speed: time to first paint, and from an input to the
 * resulting paint.
 */
import type { Page } from "playwright-core";
import { findBrowser, launch, open } from "../images/react/test/browser/browser";
import { buildPage, Stack } from "../images/react/test/browser/stack";
import { row, rowsTable } from "../test/helpers/publish";
import { median, pause, publish } from "./lib";

const SLOWDOWN = 4;
const ROUNDS = Number(process.env["ROUNDS"] ?? 9);
const KEYS = 100_000;

const path = findBrowser("no browser");
if (!path) process.exit(1);
const built = await buildPage();
const stack = await new Stack().start(built);
const browser = await launch(path);

/** Opens the page in a browser without cache, with the CPU throttled before its first byte. */
async function visit<T>(run: (page: Page) => Promise<T>): Promise<T> {
  const { page, close } = await open(browser, "about:blank");
  const session = await page.context().newCDPSession(page);
  await session.send("Emulation.setCPUThrottlingRate", { rate: SLOWDOWN });
  // from the event's timestamp to the end of the next frame: this includes React's work, style, layout and paint. (The
  // browser's Event Timing API measures only up to a frame in which pixels changed.)
  await page.addInitScript(() => {
    const seen: number[] = [];
    (window as unknown as { inputs: number[] }).inputs = seen;
    const { port1, port2 } = new MessageChannel();
    let events: number[] = [];
    port1.onmessage = () => {
      seen.push(...events.map((at) => performance.now() - at));
      events = [];
    };
    for (const type of ["keydown", "input", "pointerdown", "click"]) {
      document.addEventListener(
        type,
        (event) => requestAnimationFrame(() => void (events.push(event.timeStamp), port2.postMessage(0))),
        true,
      );
    }
  });
  await page.goto(stack.address);
  try {
    return await run(page);
  } finally {
    await close();
  }
}

try {
  const paints: number[] = [];
  for (let i = 0; i < ROUNDS; i++) {
    const paint = await visit(async (page) => {
      await page.getByRole("heading", { level: 1 }).waitFor();
      await pause(1000);
      return page.evaluate(() => performance.getEntriesByName("first-contentful-paint")[0]!.startTime);
    });
    paints.push(paint);
    console.log(`first paint ${i + 1} of ${ROUNDS}: ${paint.toFixed(0)} ms`);
  }

  stack.redis("EVAL", `for i = 1, ${KEYS} do redis.call('SET', string.format('key:%06d', i), 'value ' .. i) end`, "0");
  const inputs: Record<string, number[]> = {};
  for (let i = 0; i < ROUNDS; i++) {
    await visit(async (page) => {
      page.setDefaultTimeout(60_000);
      await page.getByText(`${KEYS.toLocaleString("en")} keys`).waitFor();
      const doing = async (what: string, run: () => Promise<void>) => {
        await page.evaluate(() => void ((window as unknown as { inputs: unknown[] }).inputs.length = 0));
        await run();
        await pause(600);
        const seen = await page.evaluate(() => (window as unknown as { inputs: number[] }).inputs);
        (inputs[what] ??= []).push(Math.round(Math.max(...seen)));
      };
      const row = (id: string) => page.getByRole("group", { name: id, exact: true });
      await doing("type a key", async () => {
        await page.getByLabel("Key", { exact: true }).click();
        await page.keyboard.type("a-new-key", { delay: 60 });
      });
      await doing("save it, in a list of 100,000", async () => page.getByRole("button", { name: "Add" }).click());
      await doing("move through the list", async () => {
        await row("key:000001").focus();
        for (let n = 0; n < 10; n++) await page.keyboard.press("ArrowDown", { delay: 60 });
      });
      await doing("jump to the end of the list", async () => page.keyboard.press("End"));
      await doing("open an editor and type", async () => {
        await page.keyboard.press("Enter");
        await page.keyboard.type("changed", { delay: 60 });
      });
      await doing("save the edit", async () => page.keyboard.press("Control+Enter"));
      await doing("delete a key", async () => page.keyboard.press("Delete"));
      await doing("type a search", async () => {
        await page.getByLabel("Search keys").click();
        await page.keyboard.type("key:0999", { delay: 60 });
      });
      await doing("run the check", async () => page.getByRole("button", { name: "Run the check" }).click());
      // a page that closes during a check leaves the check's key behind
      await page.locator(".verdict.done").waitFor();
    });
    stack.redis("SET", `key:${KEYS}`, "back");
    stack.redis("DEL", "a-new-key");
    console.log(
      `inputs ${i + 1} of ${ROUNDS}: ${Object.values(inputs)
        .map((all) => all.at(-1))
        .join(" ")} ms`,
    );
  }

  const scripts = await visit((page) =>
    page.evaluate(() =>
      (performance.getEntriesByType("resource") as PerformanceResourceTiming[])
        .filter((entry) => entry.name.endsWith(".js"))
        .reduce((sum, entry) => sum + entry.encodedBodySize, 0),
    ),
  );
  const table = rowsTable([
    row("compressed script at first load", `${(scripts / 1000).toFixed(1)} kB`, "≤ 90 kB", scripts <= 90_000),
    row(
      "first contentful paint, with an empty cache",
      `${median(paints).toFixed(0)} ms (${Math.min(...paints).toFixed(0)} to ${Math.max(...paints).toFixed(0)}, ${ROUNDS} runs)`,
      "≤ 1,000 ms",
      median(paints) <= 1000,
    ),
    ...Object.entries(inputs).map(([what, all]) =>
      row(
        `${what}: longest time from an input to its paint`,
        `${median(all)} ms (${Math.min(...all)} to ${Math.max(...all)})`,
        "≤ 100 ms",
        median(all) <= 100,
      ),
    ),
  ]);
  console.log(`\n${table}`);
  publish("page", table, { slowed: SLOWDOWN, paints, inputs, scripts });
} finally {
  await browser.close();
  await stack.stop();
}
