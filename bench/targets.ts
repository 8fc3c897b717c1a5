/**
 * Measures decision delay and control-plane CPU usage with 10, 100 and 1,000 autoscaled targets, on nodes and pods
 * simulated by KWOK.
 */
import * as fs from "node:fs";
import * as path from "node:path";
import { eventually, kube, npmRunWith, expectNoDeployment } from "../test/e2e/helpers/system";
import { interval, median, pause, publish, ROOT, WORK } from "./lib";
import { cores, type Cores } from "./targets/cores";
import { NAMESPACE, nodes, startKwok, target } from "./targets/kwok";

const SIZES = (process.env["SIZES"] ?? "10,100,1000").split(",").map(Number);
const PODS_A_NODE = 100;
const STEADY_SECONDS = 60;
/** Longest wait for the decisions, in seconds. */
const DECISIONS_SECONDS = 240;
const settings = { IAC_OBSERVABILITY: "none" };

interface Figures {
  readonly targets: number;
  /** Time from the CPU step to each target's new replica count, in seconds. */
  readonly lags: readonly number[];
  /** CPU usage in cores: while idle, and from the step to the last decision. */
  readonly idle: Cores;
  readonly deciding: Cores;
}

const apply = (items: object[]) =>
  kube.raw(["apply", "--server-side", "-f", "-"], {
    input: JSON.stringify({ apiVersion: "v1", kind: "List", items }),
    timeoutMs: 600_000,
  });

async function measure(targets: number): Promise<Figures> {
  // a node's first metrics need two scrapes by metrics-server, and an autoscaler's first value one more sync
  const prepare = 120 + targets * 0.35;
  const stepAt = Date.now() + (prepare + STEADY_SECONDS + 10) * 1000;
  const kwok = startKwok(stepAt);
  try {
    await apply(nodes(Math.ceil((targets * 2) / PODS_A_NODE)));
    await apply([{ apiVersion: "v1", kind: "Namespace", metadata: { name: NAMESPACE } }]);
    for (let i = 0; i < targets; i += 100) {
      await apply(Array.from({ length: Math.min(100, targets - i) }, (_, k) => target(i + k)).flat());
    }
    await eventually(
      `${targets} autoscalers to read their target's CPU`,
      (stepAt - Date.now()) / 1000 - STEADY_SECONDS,
      async () => {
        const read = (await kube.list("hpa", "-n", NAMESPACE)).filter(
          (h) => h.status?.currentMetrics?.[0]?.containerResource?.current?.averageUtilization !== undefined,
        ).length;
        if (read === targets) return true;
        throw new Error(`${read} of ${targets}`);
      },
    );
    await pause(Math.max(0, stepAt - STEADY_SECONDS * 1000 - Date.now()));
    const idle = await cores(() => pause(STEADY_SECONDS * 1000 - 500));
    const lags = new Map<string, number>();
    const deciding = await cores(async () => {
      for (
        const end = Date.now() + DECISIONS_SECONDS * 1000;
        lags.size < targets && Date.now() < end;
        await pause(500)
      ) {
        const out = await kube.raw([
          "-n",
          NAMESPACE,
          "get",
          "--raw",
          `/apis/apps/v1/namespaces/${NAMESPACE}/deployments?resourceVersion=0`,
        ]);
        const { items } = JSON.parse(out) as { items: { metadata: { name: string }; spec: { replicas: number } }[] };
        for (const d of items)
          if (d.spec.replicas > 1 && !lags.has(d.metadata.name))
            lags.set(d.metadata.name, (Date.now() - stepAt) / 1000);
      }
    });
    if (lags.size < targets)
      console.log(`${targets - lags.size} of ${targets} did not scale within ${DECISIONS_SECONDS} s`);
    // skips targets that scaled before the step because their first metric was too high
    const after = [...lags.values()].filter((lag) => lag > 0);
    if (after.length < lags.size) console.log(`${lags.size - after.length} of ${targets} had scaled before the step`);
    return { targets, lags: after.map((lag) => Math.round(lag * 10) / 10), idle, deciding };
  } finally {
    // while KWOK is still running, because it completes the deletion of pods
    await kube
      .raw(["delete", "namespace", NAMESPACE, "--ignore-not-found", "--timeout=300s"], { timeoutMs: 310_000 })
      .catch((error: Error) => console.log(error.message));
    kwok.kill();
    await kube.raw(["delete", "nodes", "-l", "type=iac-fake", "--timeout=60s"], { timeoutMs: 90_000 });
  }
}

/** Writes the table, with the sizes measured in this run and in earlier runs. */
function publishSizes(now: readonly Figures[]): void {
  const file = path.join(ROOT, "docs", "benchmarks", "targets.json");
  const earlier = fs.existsSync(file) ? (JSON.parse(fs.readFileSync(file, "utf8")) as Figures[]) : [];
  const all = [...earlier.filter((e) => !now.some((n) => n.targets === e.targets)), ...now].sort(
    (a, b) => a.targets - b.targets,
  );
  const core = (c: Cores, program: string) => (c[program] === undefined ? "–" : c[program].toFixed(2));
  publish(
    "targets",
    [
      "| targets | median time from step to decision | slowest decision | controller-manager, cores: idle, deciding | API " +
        "server | metrics-server |",
      "|---|---|---|---|---|---|",
      ...all.map(({ targets, lags, idle, deciding }) => {
        const [low, high] = interval(lags, 2000);
        const cell = (program: string) => `${core(idle, program)}, ${core(deciding, program)}`;
        return `| ${targets} | ${median(lags).toFixed(1)} s (${low.toFixed(1)} to ${high.toFixed(1)}) | ${Math.max(...lags).toFixed(1)} s | ${cell("kube-controller-manager")} | ${cell("kube-apiserver")} | ${cell("metrics-server")} |`;
      }),
    ].join("\n"),
    all,
  );
}

fs.mkdirSync(WORK, { recursive: true });
await expectNoDeployment();
const measured: Figures[] = [];
try {
  if ((await npmRunWith(settings, "up")).code !== 0) throw new Error("up failed");
  for (const size of SIZES) {
    const figures = await measure(size);
    measured.push(figures);
    const { lags, idle, deciding } = figures;
    console.log(
      `${size} targets: decisions ${median(lags).toFixed(1)} s after the step (${Math.min(...lags)} to ${Math.max(...lags)}); ${JSON.stringify({ idle, deciding })}`,
    );
    publishSizes(measured);
  }
} finally {
  await npmRunWith(settings, "down", "--yes");
}
