/**
 * Tier `page`: opens the page in a real browser while the cluster scales out under load, and compares its content with
 * the cluster's state.
 *
 * The figures are written to docs/benchmarks.md, and a screenshot of the scale-out to docs/pictures.
 */
import { type Browser, chromium, type Page } from "playwright-core";
import { PROJECT_ROOT } from "../../catalog/paths";
import { Figures } from "../helpers/publish";
import { rateOf, removeLoad, startLoad } from "./helpers/load";
import { removeAfterFailure, step } from "./helpers/steps";
import {
  app,
  beyondBase,
  eventually,
  expectNoDeployment,
  forward,
  isReady,
  kube,
  npmRunWith,
  projectPath,
  prometheus,
} from "./helpers/system";

/** Reads cost replicas little CPU: with the default target, this load would not make them scale. */
const settings = { IAC_SCALING_REPLICAS_CPU_TARGET: "15" };
const figures = new Figures();

removeAfterFailure(settings);
afterAll(removeLoad);

/** Opens the page, through a port-forward to one of the front's pods, and calls `run`. */
async function visit(run: (page: Page) => Promise<void>): Promise<void> {
  const browser: Browser = await chromium.launch({
    executablePath: process.env["CHROMIUM"] ?? "/usr/bin/chromium",
    args: process.getuid?.() === 0 ? ["--no-sandbox"] : [],
  });
  try {
    await forward(app, "svc/react", 8080, async (address) => {
      const page = await browser.newPage({ viewport: { width: 1100, height: 900 }, locale: "en-GB" });
      await page.goto(address);
      await run(page);
    });
  } finally {
    await browser.close();
  }
}
const shown = (page: Page, figure: "pods" | "replicas"): Promise<string[]> =>
  page.evaluate<string[]>(
    `[...document.querySelectorAll('[data-figure="${figure}"] .chip')].map((chip) => chip.title.split(":")[0])`,
  );
const podNames = async (component: string): Promise<string[]> =>
  (await kube.list("pods", "-n", app, "-l", `app.kubernetes.io/name=${component}`))
    .filter(isReady)
    .map((p) => p.metadata.name as string)
    .sort();

step("the system is up", async () => {
  await expectNoDeployment();
  expect((await npmRunWith(settings, "up")).code).toBe(0);
});

step("the image adds little to its base", async () => {
  const [pod] = await kube.list("pods", "-n", app, "-l", "app.kubernetes.io/name=react");
  const more = beyondBase(pod!.spec.containers[0].image as string, "react");
  figures.note("image size of the front beyond its base", `${more.toFixed(1)} MB`, "≤ 5 MB", more <= 5);
  expect(more).toBeLessThanOrEqual(5);
});

step("the page shows the actual pods and replicas, and its system check passes", async () => {
  await visit(async (page) => {
    await eventually("the page to show them", 30, async () => {
      const seen = [await shown(page, "pods"), await shown(page, "replicas")];
      const actual = [await podNames("node"), await podNames("redis-replica")];
      if (JSON.stringify(seen) === JSON.stringify(actual)) return true;
      throw new Error(`${JSON.stringify(seen)} instead of ${JSON.stringify(actual)}`);
    });
    await page.getByRole("button", { name: "Run the check" }).click();
    await page.getByText("Everything works").waitFor();
    const details = await page.locator("[data-step] .muted").allTextContents();
    figures.raw["check"] = details;
    console.log(`check: ${details.join("; ")}`);
  });
});

step("during a scale-out new pods and replicas appear on the page, without a reload", async () => {
  const rate = await rateOf(0.5);
  await visit(async (page) => {
    await page.evaluate("window.mark = 'never reloaded'");
    await eventually("the page to show two pods", 30, async () =>
      (await shown(page, "pods")).length >= 2 ? true : undefined,
    );
    const before = { pods: await shown(page, "pods"), replicas: await shown(page, "replicas") };
    const load = await startLoad(rate, 150);
    try {
      let delay: number | undefined;
      await eventually("new pods and replicas on the page", 140, async () => {
        const [pods, ready] = [await shown(page, "pods"), await podNames("node")];
        if (delay === undefined && ready.some((p) => !before.pods.includes(p))) {
          const since = Date.now();
          const fresh = ready.find((p) => !before.pods.includes(p))!;
          await eventually(`${fresh} on the page`, 30, async () =>
            (await shown(page, "pods")).includes(fresh) ? true : undefined,
          );
          delay = (Date.now() - since) / 1000;
        }
        const replicas = await shown(page, "replicas");
        if (pods.length > before.pods.length && replicas.length > before.replicas.length) return true;
        throw new Error(`${pods.length} pods, ${replicas.length} replicas on the page`);
      });
      await page.screenshot({ path: projectPath("docs", "pictures", "page-scale-out.png"), fullPage: true });
      expect(await page.evaluate("window.mark")).toBe("never reloaded");
      const after = { pods: await shown(page, "pods"), replicas: await shown(page, "replicas") };
      figures.raw["scale-out"] = { rate, before, after, delay };
      figures.note(
        "a scale-out as the page shows it",
        `${before.pods.length} → ${after.pods.length} API pods, ${before.replicas.length} → ${after.replicas.length} replicas; the first new pod at most ${delay?.toFixed(0)} s after it was Ready`,
        "without a reload",
        true,
      );
      const result = await load.result();
      expect(result.failures).toEqual([]);
    } finally {
      await load.remove();
    }
  });
});

step(
  "when the API's Service is recreated with another address, the front finds the new address by itself",
  async () => {
    const service = () => kube.get("service", "node", app);
    const pods = await podNames("react");
    const old = (await service())!;
    await kube.raw(["-n", app, "delete", "service", "node"]);
    const { clusterIP: address, clusterIPs: _, ...spec } = old.spec;
    const { name, namespace, labels } = old.metadata as unknown as Record<string, unknown>;
    const recreated = { apiVersion: "v1", kind: "Service", metadata: { name, namespace, labels }, spec };
    await kube.raw(["create", "-f", "-"], { input: JSON.stringify(recreated) });
    expect((await service())!.spec.clusterIP).not.toBe(address);
    const begin = Date.now();
    await forward(app, "svc/react", 8080, (page) =>
      eventually("the front to reach the API", 40, async () =>
        (await fetch(`${page}/api/item?id=none`)).status === 404 ? true : undefined,
      ),
    );
    const seconds = (Date.now() - begin) / 1000;
    figures.raw["Service recreated"] = { seconds };
    figures.note(
      "the API's Service recreated: time until the page reaches it",
      `${seconds.toFixed(0)} s`,
      "without a restart",
      true,
    );
    expect(await podNames("react")).toEqual(pods);
  },
);

step("Prometheus has the front's requests by route and status", async () => {
  const query = encodeURIComponent(
    `sum by (route, status) (nginx_http_request_duration_seconds_count{namespace="${app}", service="react"})`,
  );
  const { result } = await prometheus<{ result: { metric: Record<string, string>; value: [number, string] }[] }>(
    `query?query=${query}`,
  );
  const counts = Object.fromEntries(
    result.map((r) => [`${r.metric["route"]} ${r.metric["status"]}`, Number(r.value[1])]),
  );
  figures.raw["requests"] = counts;
  expect(counts["page 200"]).toBeGreaterThan(0);
  expect(counts["assets 200"]).toBeGreaterThan(0);
  expect(counts["api 404"]).toBeGreaterThan(10_000);
});

step("the figures are published, and the deployment is removed", async () => {
  figures.publish(PROJECT_ROOT, "e2e-page");
  expect((await npmRunWith(settings, "down", "--yes")).code).toBe(0);
});
