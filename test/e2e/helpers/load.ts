/** Bounded load from inside the cluster: a pod that runs the API's image and sends requests to the front's Service. */
import { apiImage, app, eventually, kube } from "./system";

const NAME = "e2e-load";

/**
 * The program in the pod. It sends RATE requests per second for SECONDS over CONNECTIONS keep-alive connections, each
 * request with a timeout of 10 s. While 500 are in flight, it counts additional requests as late instead of sending
 * them, which bounds its memory. A rate of 0 measures capacity: each connection sends its next request as soon as the
 * previous one is answered.
 */
const SCRIPT = `
const http = require("node:http");
const [rate, seconds, writes, connections] = process.argv.slice(1).map(Number);
// one agent per connection, in turn: a shared agent would open a few connections and send everything over them
const agents = Array.from({ length: connections }, () => new http.Agent({ keepAlive: true, maxSockets: 1 }));
const seen = {}, times = new Uint32Array(10002), failures = [];
let ending = false, due = 0, sent = 0, late = 0, done = 0;
function one(i, next) {
  const begin = performance.now();
  const write = writes && i % 100 < writes;
  const options = { agent: agents[i % connections], timeout: 10000, method: write ? "POST" : "GET", headers: write ? { "content-type": "application/json" } : {} };
  const request = http.request(process.env.TARGET + (write ? "" : "?id=e2e-" + (i % 100)), options, (r) => { r.resume(); r.once("end", () => count(r.statusCode)); });
  let counted = false;
  function count(what) {
    if (counted) return;
    counted = true;
    seen[what] = (seen[what] || 0) + 1; done++;
    times[Math.min(10001, Math.ceil(performance.now() - begin))]++;
    if ((typeof what === "string" || what >= 500) && failures.length < 15) failures.push({ at: new Date().toISOString(), what, method: options.method, ms: Math.round(performance.now() - begin), reused: request.reusedSocket });
    if (next) next();
  }
  request.once("timeout", () => request.destroy(new Error("ETIMEDOUT")));
  request.once("error", (e) => count(e.code || e.message));
  request.end(write ? JSON.stringify({ id: "e2e-" + (i % 100), val: "v" }) : undefined);
}
let begin;
function quantile(q) { let left = Math.ceil(done * q); for (let i = 0; i < times.length; i++) { left -= times[i]; if (left <= 0) return i; } }
// written to the termination message, which stays with the pod, not to the log, which a node may clear
function end() {
  const result = { begin, sent, late, seen, failures, seconds: (Date.now() - begin) / 1000, p50: quantile(0.5), p99: quantile(0.99) };
  require("node:fs").writeFileSync("/dev/termination-log", JSON.stringify(result));
  process.exit(0);
}
// requests of the warm-up are not counted: network policies take a moment to apply to a new pod, which is not the
// system's fault
function warm(tries) {
  const again = () => (tries > 0 ? setTimeout(warm, 200, tries - 1) : (console.error("no answer within 30 s"), process.exit(1)));
  http.get(process.env.TARGET + "?id=e2e-warm", { timeout: 2000 }, (r) => { r.resume(); r.statusCode < 500 ? setTimeout(run, 500) : again(); }).once("error", again);
}
warm(150);
function run() {
const wait = (Number(process.env.START_AT) || 0) - Date.now();
if (wait > 0) return setTimeout(run, wait);
begin = Date.now();
if (rate === 0) {
  const again = () => { if (!ending && Date.now() - begin < seconds * 1000) one(sent++, again); else if (done >= sent) end(); };
  for (let i = 0; i < connections; i++) again();
} else {
  const timer = setInterval(() => {
    if (ending) due = rate * seconds;
    const now = Math.min(rate * seconds, Math.floor((Date.now() - begin) / 1000 * rate));
    for (; due < now; due++) { if (sent - done < 500) one(sent++); else late++; }
    if (due >= rate * seconds && done >= sent) { clearInterval(timer); end(); }
  }, 10);
}
}
// waits for the requests in flight
process.on("SIGTERM", () => { ending = true; });
`;

export interface LoadResult {
  readonly sent: number;
  /** Number of requests not sent because too many were in flight. */
  readonly late: number;
  /** Responses by status, and failures by error code. */
  readonly seen: Readonly<Record<string, number>>;
  /** The first failures, each with its time, its kind, and whether the connection was reused. */
  readonly failures: readonly object[];
  readonly seconds: number;
  /** When the first request was sent, in ms since the epoch. */
  readonly begin: number;
  /** Time until the end of a response, in ms. */
  readonly p50: number;
  readonly p99: number;
}

export interface LoadOptions {
  /** URL of the items. @default the one behind the front's Service */
  readonly target?: string;
  /** Percentage of requests that write. @default 0 */
  readonly writes?: number;
  /** Keep-alive connections. @default 50 */
  readonly connections?: number;
  /** A node to avoid because the test stops it. */
  readonly notOn?: string;
  /** Earliest start, in ms since the epoch. @default as soon as the target responds */
  readonly startAt?: number;
}

const LOAD_LABELS = { "iacproject/e2e": "load" };

/** Allows the load generator's pod to connect to the API directly, which the network policies otherwise forbid. */
export async function allowLoadToApi(): Promise<void> {
  const from = {
    namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": "default" } },
    podSelector: { matchLabels: LOAD_LABELS },
  };
  const policy = {
    apiVersion: "networking.k8s.io/v1",
    kind: "NetworkPolicy",
    metadata: { name: NAME, namespace: app },
    spec: {
      podSelector: { matchLabels: { "app.kubernetes.io/name": "node" } },
      policyTypes: ["Ingress"],
      ingress: [{ from: [from] }],
    },
  };
  await kube.apply(policy);
}

const notOn = (node: string) => ({
  nodeAffinity: {
    requiredDuringSchedulingIgnoredDuringExecution: {
      nodeSelectorTerms: [{ matchFields: [{ key: "metadata.name", operator: "NotIn", values: [node] }] }],
    },
  },
});

/** Removes the load's pod, if it exists. */
export async function removeLoad(): Promise<void> {
  await kube.raw(["-n", "default", "delete", "pod", NAME, "--ignore-not-found", "--now"], { timeoutMs: 60_000 });
}

/**
 * The given share of the machine's current capacity, in requests per second. A fixed rate would not load a fast
 * machine.
 */
export async function rateOf(share: number): Promise<number> {
  const probe = await startLoad(0, 5, { connections: 8 });
  try {
    const { sent, seconds } = await probe.result();
    return Math.floor((sent / seconds) * share);
  } finally {
    await probe.remove();
  }
}

/**
 * Starts a load of `rate` requests per second for `seconds`. `result` resolves when all requests are answered; `end`
 * stops the load early.
 */
export async function startLoad(
  rate: number,
  seconds: number,
  options: LoadOptions = {},
): Promise<{ result: () => Promise<LoadResult>; end: () => Promise<LoadResult>; remove: () => Promise<void> }> {
  const image = await apiImage();
  await removeLoad();
  const pod = {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: NAME, namespace: "default", labels: LOAD_LABELS },
    spec: {
      restartPolicy: "Never",
      automountServiceAccountToken: false,
      activeDeadlineSeconds: seconds + 150,
      ...(options.notOn ? { affinity: notOn(options.notOn) } : {}),
      containers: [
        {
          name: "load",
          image,
          command: [
            "node",
            "-e",
            SCRIPT,
            ...[rate, seconds, options.writes ?? 0, options.connections ?? 50].map(String),
          ],
          env: [
            { name: "TARGET", value: options.target ?? `http://react.${app}.svc:8080/api/item` },
            { name: "START_AT", value: String(options.startAt ?? 0) },
          ],
          resources: { requests: { cpu: "50m", memory: "64Mi" }, limits: { memory: "256Mi" } },
        },
      ],
    },
  };
  await kube.apply(pod);
  const result = () =>
    eventually("the load to end", seconds + 120, async () => {
      const pod = await kube.get("pod", NAME, "default");
      if (pod?.status?.phase === "Failed")
        throw new Error(JSON.stringify(pod.status.containerStatuses?.[0]?.state ?? pod.status));
      const message = pod?.status?.containerStatuses?.[0]?.state?.terminated?.message as string | undefined;
      return message ? (JSON.parse(message) as LoadResult) : undefined;
    });
  const end = async () => {
    try {
      await kube.raw(["-n", "default", "exec", NAME, "--", "node", "-e", "process.kill(1, 'SIGTERM')"]);
    } catch (error) {
      // with no request in flight the load ends at once, and when its container ends, this command is killed too
      if (!/exit code 137/.test((error as Error).message)) throw error;
    }
    return result();
  };
  return { result, end, remove: removeLoad };
}
