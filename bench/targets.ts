/** How late decisions come and what they cost the control plane with 10, 100 and 1,000 autoscaled targets, on KWOK's nodes and pods. */
import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { config, eventually, kube, npmRunWith, expectNothingOfOurs } from "../test/e2e/system";
import { interval, median, pause, publish, ROOT, WORK } from "./lib";

const SIZES = (process.env["SIZES"] ?? "10,100,1000").split(",").map(Number);
const NAMESPACE = "iac-targets";
const PODS_A_NODE = 100;
const STEADY_SECONDS = 60;
/** Longest wait for the decisions, seconds. */
const DECISIONS_SECONDS = 240;
const KWOK_PORT = 10_247;
const settings = { IAC_OBSERVABILITY: "none" };

interface Figures {
  readonly targets: number;
  /** From the step in CPU to each target's new count, seconds. */
  readonly lags: readonly number[];
  /** Cores, while nothing happens, and from the step to the last decision. */
  readonly idle: Cores;
  readonly deciding: Cores;
}
/** CPU by process; those that do not run on this machine are not there. */
type Cores = Readonly<Record<string, number>>;

/** What decides and what it asks, by the name of its program. */
const PROGRAMS = ["kube-controller-manager", "kube-apiserver", "etcd", "metrics-server"];

/** CPU seconds of each program on this machine, since its start. */
function cpuSeconds(): Map<string, number> {
  const used = new Map<string, number>();
  for (const pid of fs.readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
    try {
      const name = path.basename(fs.readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0")[0]!);
      if (!PROGRAMS.includes(name)) continue;
      const fields = fs.readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]!.split(" ");
      used.set(name, (used.get(name) ?? 0) + (Number(fields[11]) + Number(fields[12])) / 100);
    } catch {
      // it has ended meanwhile
    }
  }
  return used;
}

async function cores(during: () => Promise<void>): Promise<Cores> {
  const before = cpuSeconds();
  const begin = performance.now();
  await during();
  const seconds = (performance.now() - begin) / 1000;
  return Object.fromEntries(
    [...cpuSeconds()].map(([name, used]) => [name, (used - (before.get(name) ?? used)) / seconds]),
  );
}

/** An address of this machine that pods reach: the API server's own host asks from there as well. */
function ownAddress(): string {
  const node = os.hostname();
  const all = Object.values(os.networkInterfaces()).flatMap((list) => list ?? []);
  const found = all.find((a) => a.family === "IPv4" && !a.internal);
  if (!found) throw new Error(`${node} has no address that pods could reach`);
  return process.env["KWOK_ADDRESS"] ?? found.address;
}

const address = ownAddress();
const nodeName = (i: number) => `iac-fake-${i}`;

/** Nodes that nobody runs; metrics-server asks KWOK for their figures. */
function nodes(count: number): object[] {
  return Array.from({ length: count }, (_, i) => ({
    apiVersion: "v1",
    kind: "Node",
    metadata: {
      name: nodeName(i),
      labels: { type: "iac-fake", "kubernetes.io/hostname": nodeName(i) },
      annotations: {
        "kwok.x-k8s.io/node": "fake",
        "metrics.k8s.io/resource-metrics-path": `/metrics/nodes/${nodeName(i)}/metrics/resource`,
      },
    },
    spec: { taints: [{ key: "kwok.x-k8s.io/node", value: "fake", effect: "NoSchedule" }] },
    status: {
      // seen: KWOK gives none to a node that comes with a status
      addresses: [
        { type: "InternalIP", address },
        { type: "Hostname", address: nodeName(i) },
      ],
      allocatable: { cpu: "64", memory: "256Gi", pods: "500" },
      capacity: { cpu: "64", memory: "256Gi", pods: "500" },
    },
  }));
}

const name = (i: number) => `t${i}`;

/** A target and its autoscaler, as ours are but for their bounds. */
function target(i: number): object[] {
  const labels = { app: name(i) };
  return [
    {
      apiVersion: "apps/v1",
      kind: "Deployment",
      metadata: { name: name(i), namespace: NAMESPACE },
      spec: {
        selector: { matchLabels: labels },
        template: {
          metadata: { labels },
          spec: {
            nodeSelector: { type: "iac-fake" },
            tolerations: [{ key: "kwok.x-k8s.io/node", operator: "Exists" }],
            containers: [{ name: "c", image: "fake", resources: { requests: { cpu: "100m" } } }],
          },
        },
      },
    },
    {
      apiVersion: "autoscaling/v2",
      kind: "HorizontalPodAutoscaler",
      metadata: { name: name(i), namespace: NAMESPACE },
      spec: {
        minReplicas: 1,
        maxReplicas: 2,
        scaleTargetRef: { apiVersion: "apps/v1", kind: "Deployment", name: name(i) },
        metrics: [
          {
            type: "ContainerResource",
            containerResource: {
              name: "cpu",
              container: "c",
              target: { type: "Utilization", averageUtilization: 60 },
            },
          },
        ],
      },
    },
  ];
}

const apply = (items: object[]) =>
  kube.raw(["apply", "--server-side", "-f", "-"], {
    input: JSON.stringify({ apiVersion: "v1", kind: "List", items }),
    timeoutMs: 600_000,
  });

/** KWOK, with pods whose CPU rises from 30 to 90 m at one moment, all at once: the worst that can happen. */
function startKwok(stepAt: number): ChildProcess {
  const metrics = execFileSync("go", ["list", "-m", "-f", "{{.Dir}}", "sigs.k8s.io/kwok@v0.8.0"], {
    cwd: moduleFolder(),
  })
    .toString()
    .trim();
  const usage = {
    apiVersion: "kwok.x-k8s.io/v1alpha1",
    kind: "ClusterResourceUsage",
    metadata: { name: "step" },
    spec: {
      usages: [
        {
          usage: {
            cpu: {
              expression: `UnixSecond(Now()) < ${(stepAt / 1000).toFixed(1)} ? Quantity("30m") : Quantity("90m")`,
            },
            memory: { value: "16Mi" },
          },
        },
      ],
    },
  };
  const file = path.join(WORK, "kwok.yaml");
  const shipped = ["metrics/resource", "stage/node/fast", "stage/node/heartbeat-with-lease", "stage/pod/fast"].flatMap(
    (folder) => {
      const full = path.join(metrics, "kustomize", folder);
      return fs
        .readdirSync(full)
        .filter((f) => f.endsWith(".yaml") && f !== "kustomization.yaml")
        .map((f) => fs.readFileSync(path.join(full, f), "utf8"));
    },
  );
  fs.writeFileSync(file, [...shipped, JSON.stringify(usage)].join("\n---\n"));
  const [certificate, key] = ["kwok.crt", "kwok.key"].map((f) => path.join(WORK, f));
  const openssl = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=kwok", "-days", "1"];
  execFileSync("openssl", [...openssl, "-keyout", key!, "-out", certificate!], { stdio: "ignore" });
  const log = fs.openSync(path.join(WORK, "kwok.log"), "w");
  return spawn(
    "kwok",
    [
      `--config=${file}`,
      ...(config.kubeconfigs[0] ? [`--kubeconfig=${config.kubeconfigs[0]}`] : []),
      "--manage-all-nodes=false",
      // without it the node is taken for lost, and its pods for not Ready
      "--node-lease-duration-seconds=40",
      "--manage-nodes-with-annotation-selector=kwok.x-k8s.io/node=fake",
      `--node-ip=${address}`,
      `--node-port=${KWOK_PORT}`,
      `--server-address=0.0.0.0:${KWOK_PORT}`,
      `--tls-cert-file=${certificate}`,
      `--tls-private-key-file=${key}`,
    ],
    { stdio: ["ignore", log, log] },
  );
}

/** A Go module of its own, for finding the files of KWOK's. */
function moduleFolder(): string {
  const folder = path.join(WORK, "kwok-module");
  fs.mkdirSync(folder, { recursive: true });
  fs.writeFileSync(path.join(folder, "go.mod"), "module x\n\ngo 1.22\n\nrequire sigs.k8s.io/kwok v0.8.0\n");
  execFileSync("go", ["mod", "download", "sigs.k8s.io/kwok@v0.8.0"], { cwd: folder, stdio: "ignore" });
  return folder;
}

async function measure(targets: number): Promise<Figures> {
  // a node's first figures need two looks of metrics-server, an autoscaler's first number one of its own after that
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
      `${targets} autoscalers that read their target's CPU`,
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
      console.log(`${targets - lags.size} of ${targets} decided nothing within ${DECISIONS_SECONDS} s`);
    // one that had moved before the step, for a first figure that was too high, says nothing of it
    const after = [...lags.values()].filter((lag) => lag > 0);
    if (after.length < lags.size) console.log(`${lags.size - after.length} of ${targets} had moved before the step`);
    return { targets, lags: after.map((lag) => Math.round(lag * 10) / 10), idle, deciding };
  } finally {
    // the pods go while there is somebody who lets them go
    await kube
      .raw(["delete", "namespace", NAMESPACE, "--ignore-not-found", "--timeout=300s"], { timeoutMs: 310_000 })
      .catch((error: Error) => console.log(error.message));
    kwok.kill();
    await kube.raw(["delete", "nodes", "-l", "type=iac-fake", "--timeout=60s"], { timeoutMs: 90_000 });
  }
}

/** Writes the table: the sizes that were measured now, and those of earlier runs. */
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
      "| targets | decision after the step: median | all within | controller-manager, cores: at rest, deciding | API server | metrics-server |",
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
await expectNothingOfOurs();
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
