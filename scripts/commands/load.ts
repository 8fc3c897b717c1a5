/** `npm run load`: applies a bounded load to the deployed application, shows it live, and draws a chart at the end. */
import * as fs from "node:fs";
import { createServer } from "node:net";
import * as path from "node:path";
import { PROJECT_ROOT } from "../../catalog/paths";
import { loadConfig, type Config } from "../../config";
import { thirdPartyImage } from "../../modules/images/third-party-image";
import { AUTOSCALED, FRONT_PORT, WORKLOAD_NAME } from "../../catalog/workloads";
import { chooseCluster } from "../cluster/choose-cluster";
import { forwarded } from "../cluster/port-forward";
import { installFolders } from "../toolbox/npm-install";
import type { Kube, KubeObject } from "../cluster/kubectl";
import { LocalGenerator, PodGenerator, type Generator } from "../load/generator";
import { type Counts } from "../load/k6";
import { Live } from "../load/live";
import { rateAt, shapeOf, type Shape } from "../load/profile";
import { between, type Load, type Pods } from "../load/samples";
import { run } from "../terminal/run-program";
import { onInterrupt } from "../terminal/interrupts";
import { bold, dim, Failure, say } from "../terminal/ui";
import { frontTarget } from "./smoke";

export interface LoadOptions {
  readonly profile: string;
  readonly rate: string;
  readonly base?: string;
  readonly duration: string;
  readonly writes: string;
  readonly here: boolean;
  readonly url?: string;
  readonly out?: string;
  readonly yes: boolean;
}

const SAMPLE_MS = 1000;
/** Time to wait for responses after the last request, in ms. */
const LAST_MS = 30_000;

export async function load(options: LoadOptions): Promise<void> {
  const config = loadConfig();
  const shape = shapeOf(options, config.load.maxRate);
  const writes = Number(options.writes);
  if (!Number.isInteger(writes) || writes < 0 || writes > 100)
    throw new Failure(`--writes is "${options.writes}", expected a whole percentage from 0 to 100.`);
  if (options.url && !options.here)
    throw new Failure("--url needs --here: without it, a pod in the cluster sends the load to the front's Service.");
  const kube = await chooseCluster(config, {
    action: `Send up to ${shape.rate} requests per second for ${shape.seconds} s to`,
    yes: options.yes,
  });
  if (!(await kube.get("deploy", WORKLOAD_NAME.node, config.namespaces.app)))
    throw new Failure(`Nothing is deployed in namespace ${config.namespaces.app}.`, "Deploy it: npm run up");

  const measured = await (options.here
    ? here(config, kube, shape, writes, options.url)
    : measure(
        kube,
        new PodGenerator(kube, thirdPartyImage(config, "k6"), config.load.namespace),
        shape,
        `http://${WORKLOAD_NAME.react}.${config.namespaces.app}.svc:${FRONT_PORT}/api/item`,
        writes,
      ));
  const files = await draw(measured, options.out);
  say();
  say(summary(measured));
  say(`${bold("Written")}: ${files.map((file) => path.relative(process.cwd(), file)).join(", ")}`);
}

/** Runs k6 on this machine, against `url` or through a port-forward to the front. */
async function here(config: Config, kube: Kube, shape: Shape, writes: number, url: string | undefined): Promise<Load> {
  const generator = new LocalGenerator(config.load.k6, await freePort());
  const to = (address: string) => measure(kube, generator, shape, `${address.replace(/\/$/, "")}/api/item`, writes);
  return url ? to(url) : forwarded(kube, frontTarget(config), to);
}

async function measure(kube: Kube, generator: Generator, shape: Shape, target: string, writes: number): Promise<Load> {
  let stopped = false;
  onInterrupt(() => {
    if (stopped) process.exit(130);
    stopped = true;
    process.stderr.write(
      "\nStopping the load; a chart of the results so far follows. Interrupt again to exit immediately.\n",
    );
  });
  const live = new Live(shape);
  try {
    live.waiting(`starting k6 in ${generator.where}`);
    await generator.start({ shape, target, writes });
    while ((await generator.state()) === "starting" && !stopped) await pause(100);
    const begin = Date.now();
    const load: Load = {
      shape,
      target,
      writes,
      startedAt: new Date(begin).toISOString(),
      samples: [],
      totals: undefined,
    };
    let before: { at: number; counts: Counts } | undefined;
    const end = begin + shape.seconds * 1000 + LAST_MS;
    for (let running = true; running && !stopped && Date.now() < end;) {
      await pause(Math.max(0, begin + (load.samples.length + 1) * SAMPLE_MS - Date.now()));
      // reads the state before the counts, so that the last sample includes everything
      running = (await generator.state()) !== "ended";
      // rates are based on the time of the counts, because listing the pods may take longer
      const [{ counts, now }, pods] = await Promise.all([
        generator.counts().then((figures) => ({ counts: figures, now: Date.now() })),
        podsOf(kube),
      ]);
      const second = (now - begin) / 1000;
      const target = second <= shape.seconds ? rateAt(shape, second - SAMPLE_MS / 2000) : 0;
      const passed = (now - (before?.at ?? begin)) / 1000;
      load.samples.push({ second, asked: target, ...between(before?.counts, counts, passed), pods });
      load.totals = counts;
      before = { at: now, counts };
      live.show(load.samples.at(-1)!);
    }
    return load;
  } finally {
    live.end();
    await generator.stop();
  }
}

/** Ready and desired pods of each workload. */
async function podsOf(kube: Kube): Promise<Record<string, Pods>> {
  const workloads = await kube.list("deployments,statefulsets", "-n", kube.config.namespaces.app);
  const find = (name: string): KubeObject | undefined => workloads.find((w) => w.metadata.name === name);
  return Object.fromEntries(
    AUTOSCALED.flatMap((name) => {
      const workload = find(name);
      return workload
        ? [
            [
              name,
              {
                ready: workload.status?.readyReplicas ?? 0,
                wanted: workload.spec?.replicas ?? 0,
              },
            ],
          ]
        : [];
    }),
  );
}

/** Writes the JSON, SVG and PNG files of a load; returns their paths. */
async function draw(measured: Load, out: string | undefined): Promise<string[]> {
  const { profile } = measured.shape;
  const stamp = measured.startedAt.replace(/[:.]/g, "-").slice(0, 19);
  const folder = path.resolve(out ?? path.join(PROJECT_ROOT, ".state", "load"));
  fs.mkdirSync(folder, { recursive: true });
  const base = path.join(folder, `${stamp}-${profile}`);
  fs.writeFileSync(`${base}.json`, `${JSON.stringify(measured, null, 1)}\n`);
  await installFolders("scripts/drawing");
  const { stdout } = await run(
    process.execPath,
    ["--import", "tsx", path.join(PROJECT_ROOT, "scripts", "drawing", "load.ts"), `${base}.json`, base],
    { timeoutMs: 60_000, cwd: PROJECT_ROOT },
  );
  return [`${base}.json`, ...stdout.trim().split("\n")];
}

function summary({ samples, totals, shape }: Load): string {
  if (!totals || !samples.length) return "Nothing was measured.";
  const { answered, refused, failed, dropped } = totals;
  const pods = Object.keys(samples[0]!.pods).map((name) => {
    const counts = samples.map((s) => s.pods[name]?.ready ?? 0);
    return `${name} ${counts[0]} → ${Math.max(...counts)} → ${counts.at(-1)}`;
  });
  const share = (count: number) => (count ? ` (${((100 * count) / (answered + refused + failed)).toFixed(3)} %)` : "");
  return [
    `${answered + refused + failed} requests in ${samples.at(-1)!.second.toFixed(0)} s, at most ${shape.rate}/s: ${answered} answered, ${refused} refused${share(refused)}, ${failed} failed${share(failed)}; ${dropped} not sent because too many were in flight`,
    `Ready pods: ${pods.join(", ")} ${dim("(first → most → last)")}`,
  ].join("\n");
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

const freePort = (): Promise<number> =>
  new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
