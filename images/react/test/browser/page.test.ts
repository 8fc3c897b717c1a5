/** @vitest-environment node */
/** The built page in a real browser, with the real API and real Redis. */
import { readdirSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { Cluster } from "../../../node/test/helpers/cluster";
import { eventually, hasRedis } from "../../../node/test/helpers/redis";
import { hasNginx } from "../nginx";
import { accessible, findBrowser, launch, open } from "./browser";
import { buildPage, Stack } from "./stack";

const WHAT = "tests of the page in a browser";
const path = findBrowser(WHAT);
if (!hasRedis) console.warn(`SKIPPED: ${WHAT}: redis-server is not installed`);

vi.setConfig({ testTimeout: 90_000 });

describe.skipIf(!path || !hasRedis || !hasNginx(WHAT))("the page in a browser", () => {
  let stack: Stack;
  let browser: Browser;
  let built: string;

  beforeAll(async () => {
    built = await buildPage();
    [stack, browser] = await Promise.all([new Stack().start(built), launch(path!)]);
  }, 60_000);
  afterAll(async () => {
    await browser?.close();
    await stack?.stop();
    rmSync(built, { recursive: true });
  });
  beforeEach(() => void stack.redis("FLUSHALL"));

  const seed = (n: number) =>
    void stack.redis(
      "EVAL",
      `for i = 1, ${n} do redis.call('SET', string.format('key:%06d', i), 'value ' .. i) end`,
      "0",
    );
  const row = (page: Page, id: string) => page.getByRole("group", { name: id, exact: true });
  /** Opens the page, runs the steps, and expects no console errors. */
  const visit = async (run: (page: Page) => Promise<void>, options: Parameters<typeof open>[2] = {}) => {
    const { page, problems, close } = await open(browser, stack.address, options);
    page.setDefaultTimeout(30_000);
    try {
      await run(page);
      expect(problems).toEqual([]);
    } finally {
      await close();
    }
  };
  const add = async (page: Page, id: string, value: string) => {
    await page.getByLabel("Key", { exact: true }).fill(id);
    await page.getByLabel("Value", { exact: true }).fill(value);
    await page.getByRole("button", { name: "Add" }).click();
    await row(page, id).waitFor();
  };
  const onMain = (id: string) => stack.redis("GET", id).replace(/\n$/, "");

  it("adds a key with a multi-line value, edits it in place, copies it, deletes it, and undoes the deletion", () =>
    visit(async (page) => {
      await page.getByText("No keys yet").waitFor();
      await add(page, "colours", "red\ngreen");
      await page.getByText("“colours” saved").waitFor();
      expect(onMain("colours")).toBe("red\ngreen");

      await page.getByRole("button", { name: "Edit colours" }).click();
      await page.getByLabel("Value of colours").fill("blue\n\nwhite");
      await page.getByRole("button", { name: "Save" }).click();
      await row(page, "colours").getByText("blue").waitFor();
      expect(onMain("colours")).toBe("blue\n\nwhite");

      await page.getByRole("button", { name: "Copy the value of colours" }).click();
      await page.getByText("Copied", { exact: true }).waitFor();
      expect(await page.evaluate(() => navigator.clipboard.readText())).toBe("blue\n\nwhite");

      await page.getByRole("button", { name: "Delete colours" }).click();
      await row(page, "colours").waitFor({ state: "detached" });
      await eventually("it to be deleted", () => stack.redis("EXISTS", "colours").trim() === "0");
      await page.getByRole("button", { name: "Undo" }).click();
      await row(page, "colours").getByText("blue").waitFor();
      await eventually("it to be restored", () => onMain("colours") === "blue\n\nwhite");
    }));

  it("copies even without the clipboard API, which only secure pages have", () =>
    visit(async (page) => {
      await add(page, "k", "copied the old way");
      await page.evaluate(() => Object.defineProperty(navigator, "clipboard", { value: undefined }));
      await page.getByRole("button", { name: "Copy the value of k" }).click();
      await page.getByText("Copied", { exact: true }).waitFor();
      await page.getByLabel("Key", { exact: true }).focus();
      await page.keyboard.press("Control+V");
      expect(await page.getByLabel("Key", { exact: true }).inputValue()).toBe("copied the old way");
    }));

  it("works with the keyboard alone", () =>
    visit(async (page) => {
      seed(50);
      await page.reload();
      await row(page, "key:000001").getByText("value 1", { exact: true }).waitFor();
      const key = (name: string) => page.keyboard.press(name);
      const focused = () => page.evaluate(() => document.activeElement?.getAttribute("aria-label"));
      await page.getByLabel("Key", { exact: true }).focus();
      await page.keyboard.type("typed");
      await key("Tab");
      await page.keyboard.type("one");
      await key("Enter");
      await page.keyboard.type("two");
      await key("Control+Enter");
      await page.getByText("“typed” saved").waitFor();
      expect(onMain("typed")).toBe("one\ntwo");
      // after a key is saved, the key field is ready for the next one
      expect(await page.evaluate(() => (document.activeElement as HTMLInputElement).value)).toBe("");

      await page.getByRole("button", { name: "Run the check" }).focus();
      await key("/");
      expect(await focused()).toBe("Search keys");
      await key("Tab");
      await eventually("a row to have the focus", async () => (await focused()) === "key:000001");
      await key("ArrowDown");
      await key("ArrowDown");
      await eventually("the third row to have the focus", async () => (await focused()) === "key:000003");
      await key("Enter");
      await eventually("its editor to have the focus", async () => (await focused()) === "Value of key:000003");
      await key("Escape");
      await eventually("the row to have the focus again", async () => (await focused()) === "key:000003");
      await key("Enter");
      await key("Control+A");
      await page.keyboard.type("new");
      await key("Control+Enter");
      await row(page, "key:000003").getByText("new", { exact: true }).waitFor();
      expect(onMain("key:000003")).toBe("new");
      for (let i = 0; i < 12; i++) await key("ArrowDown");
      await eventually("a row farther down to have the focus", async () => (await focused()) === "key:000015");
      // visible in the list's scroll area and in the browser's window
      const box = (await row(page, "key:000015").boundingBox())!;
      expect(box.y).toBeGreaterThanOrEqual(0);
      expect(box.y + box.height).toBeLessThan(801);
      await key("End");
      await eventually("the last row to have the focus", async () => (await focused()) === "typed");
      await key("Delete");
      await page.getByText("“typed” deleted").waitFor();
      await eventually("it to be deleted", () => stack.redis("EXISTS", "typed").trim() === "0");
    }));

  it("shows a change at once, and rolls it back on failure", () =>
    visit(async (page) => {
      await add(page, "kept", "old");
      let refuse: (() => void) | undefined;
      await page.route("**/api/item", async (route) => {
        await new Promise<void>((done) => (refuse = done));
        await route.fulfill({ status: 503, json: { error: "Redis is not reachable" } });
      });
      await page.getByRole("button", { name: "Delete kept" }).click();
      await row(page, "kept").waitFor({ state: "detached" });
      await eventually("the request", () => refuse !== undefined);
      refuse!();
      await page.getByText("Could not delete “kept”: Redis is not reachable").waitFor();
      await row(page, "kept").getByText("old").waitFor();

      refuse = undefined;
      await page.getByLabel("Key", { exact: true }).fill("never");
      await page.getByRole("button", { name: "Add" }).click();
      await row(page, "never").waitFor();
      await eventually("the request", () => refuse !== undefined);
      refuse!();
      await page.getByText("Could not save: Redis is not reachable").waitFor();
      await row(page, "never").waitFor({ state: "detached" });
      // the input is kept
      expect(await page.getByLabel("Key", { exact: true }).inputValue()).toBe("never");
    }));

  it(
    "renders only a few of 100,000 sorted keys, and reaches the first and the last",
    () =>
      visit(async (page) => {
        seed(100_000);
        await page.reload();
        await page.getByText("100,000 keys").waitFor();
        expect(await page.locator("[data-index]").count()).toBeLessThan(60);
        await row(page, "key:000001").focus();
        await page.keyboard.press("End");
        await row(page, "key:100000").getByText("value 100000").waitFor();
        await page.keyboard.press("Home");
        await row(page, "key:000001").waitFor();
        expect(await page.locator("[data-index]").count()).toBeLessThan(60);
      }),
    90_000,
  );

  it("searches as you type, ignores case, and matches pattern characters literally", () =>
    visit(async (page) => {
      seed(3000);
      for (const id of ["Straße", "a*b", "a?b", "axb", "[x]", "back\\slash"]) stack.redis("SET", id, "v");
      await page.reload();
      await page.getByText("3,006 keys").waitFor();
      const search = page.getByLabel("Search keys");
      for (const [text, found] of [
        ["KEY:00299", "10 keys"],
        ["stra", "1 key"],
        ["ße", "1 key"],
        ["a*b", "1 key"],
        ["a?", "1 key"],
        ["[x]", "1 key"],
        ["k\\s", "1 key"],
      ] as const) {
        await search.fill(text);
        await page.getByText(found, { exact: true }).waitFor();
      }
      await search.fill("nothing like it");
      await page.getByText("No key contains “nothing like it”.").waitFor();
    }));

  it("checks the system step by step", () =>
    visit(async (page) => {
      await page.getByRole("button", { name: "Run the check" }).click();
      await page.getByText("Everything works").waitFor();
      const steps = page.locator("[data-step]");
      expect(await steps.evaluateAll((all) => all.map((s) => (s as HTMLElement).dataset["state"]))).toEqual(
        Array(5).fill("ok"),
      );
      expect(await page.locator('[data-step="copies"]').textContent()).toMatch(/2 replicas within [\d.,]+ ms/);
      expect(stack.redis("KEYS", "system-check*").trim()).toBe("");
    }));

  it(
    "shows which step fails and why, and leaves no key behind",
    () =>
      visit(async (page) => {
        const [, detached] = stack.cluster.replicas;
        detached!.cli("REPLICAOF", "NO", "ONE");
        try {
          await page.getByRole("button", { name: "Run the check" }).click();
          await page.getByText("Something is not working").waitFor();
          const failed = page.locator('[data-state="failed"]');
          expect(await failed.getAttribute("data-step")).toBe("copies");
          expect(await failed.textContent()).toContain(Cluster.nameOf(detached!));
          await eventually("the key to be deleted", () => stack.redis("KEYS", "system-check*").trim() === "");
        } finally {
          detached!.cli("REPLICAOF", "127.0.0.1", String(stack.cluster.main.port));
          await eventually("it to follow again", () =>
            detached!.cli("INFO", "replication").includes("master_link_status:up"),
          );
        }
      }),
    90_000,
  );

  it(
    "shows pods and replicas as they come and go, without a reload",
    () =>
      visit(async (page) => {
        const count = (figure: string, n: number) =>
          page.locator(`[data-figure="${figure}"] strong`).getByText(String(n), { exact: true }).waitFor();
        await count("pods", 1);
        await count("replicas", 2);
        const port = await stack.addApi();
        await count("pods", 2);
        await page.locator('[data-figure="pods"] .fresh').waitFor();
        const joined = await stack.cluster.add();
        await count("replicas", 3);
        // half of the reads per second that the pods have counted
        const readers = setInterval(() => void fetch(`${stack.address}/api/item?id=none`).catch(() => undefined), 20);
        await page.waitForFunction(
          () => Number(document.querySelector('[data-figure="rate"] strong')?.textContent) > 20,
        );
        clearInterval(readers);
        stack.cluster.leave(joined);
        await stack.removeApi(port);
        await count("replicas", 2);
        await count("pods", 1);
        await joined.stop();
      }),
    90_000,
  );

  it(
    "reports an unreachable API, keeps the keys on the page, and recovers automatically",
    () =>
      visit(async (page) => {
        await add(page, "kept", "value");
        const back = await stack.outage();
        await page.locator(".live [role=alert]").getByText("The API cannot be reached.").waitFor();
        await row(page, "kept").waitFor();
        await page.locator("section:last-of-type [role=alert]").first().waitFor();
        await back();
        await page.locator("[role=alert]").first().waitFor({ state: "detached" });
        await page.locator('[data-figure="pods"]').waitFor();
      }),
    90_000,
  );

  it("is in French if the browser is", () =>
    visit(
      async (page) => {
        await page.getByText("Aucune clé pour l’instant").waitFor();
        expect(await page.evaluate(() => document.documentElement.lang)).toBe("fr");
        expect(await page.title()).toBe("Clés et valeurs");
        await page.getByRole("button", { name: "Lancer la vérification" }).click();
        await page.getByText("Tout fonctionne").waitFor();
        await accessible(page);
      },
      { locale: "fr-FR" },
    ));

  it.each([
    ["light", {}],
    ["dark", { colorScheme: "dark" }],
    ["a phone", { viewport: { width: 360, height: 740 }, hasTouch: true, isMobile: true }],
  ] as const)("has no accessibility violations and no horizontal overflow: %s", (_, options) =>
    visit(async (page) => {
      await page.getByText("No keys yet").waitFor();
      await accessible(page);
      seed(40);
      stack.redis("SET", "long".repeat(100), "word ".repeat(1000));
      await page.reload();
      await row(page, "key:000001").getByText("value 1", { exact: true }).waitFor();
      await page.getByRole("button", { name: "Edit key:000002" }).click();
      await page.getByRole("button", { name: "Delete key:000004" }).click();
      await page.getByRole("button", { name: "Undo" }).waitFor();
      await page.getByRole("button", { name: "Run the check" }).click();
      await page.getByText("Everything works").waitFor();
      await accessible(page);
      const overflow = () => page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
      expect(await overflow()).toBeLessThanOrEqual(0);
    }, options),
  );

  it.each(["en-GB", "fr-FR"])("loads at most 90 kB of compressed script at first, in %s", (locale) =>
    visit(
      async (page) => {
        await page.locator(".empty").waitFor();
        const sizes = await page.evaluate(() =>
          (performance.getEntriesByType("resource") as PerformanceResourceTiming[])
            .filter((entry) => entry.name.endsWith(".js"))
            .map((entry) => entry.encodedBodySize),
        );
        // the page and its language, nothing else
        expect(sizes).toHaveLength(2);
        const total = sizes.reduce((sum, size) => sum + size, 0);
        console.log(`script at first load: ${total} bytes compressed`);
        // compares the gzip size, not the 280 kB of the uncompressed script
        expect(total).toBeGreaterThan(50_000);
        expect(total).toBeLessThanOrEqual(90_000);
      },
      { locale },
    ),
  );

  it("is below 1 MB in total", () => {
    const files = readdirSync(built, { recursive: true, encoding: "utf8" }).map((name) => statSync(join(built, name)));
    expect(files.reduce((sum, file) => sum + file.size, 0)).toBeLessThan(1_000_000);
  });
});
