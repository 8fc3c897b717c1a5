/** A bounded load from inside the cluster: a pod of the API's image that asks the page's Service. */
import { apiImage, app, eventually, kube } from "./system";

const NAME = "e2e-load";

/**
 * Runs in the pod: so many requests a second for so long, over so many kept connections, none
 * waiting longer than 10 s. Above 500 in flight it does not send but counts: memory stays small.
 * A rate of 0 is as fast as answers come, one a connection: what the system can do at most.
 */
const SCRIPT = `
const http = require("node:http");
const [rate, seconds, writes, connections] = process.argv.slice(1).map(Number);
// one connection each, in turn: a shared agent would open a few and let them do all the work
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
// not by the log, which a node may clear: the termination message stays with the pod
function end() {
  const result = { begin, sent, late, seen, failures, seconds: (Date.now() - begin) / 1000, p50: quantile(0.5), p99: quantile(0.99) };
  require("node:fs").writeFileSync("/dev/termination-log", JSON.stringify(result));
  process.exit(0);
}
// network policies take a moment to know a new pod: not the system's fault, so not counted
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
// what was sent is answered first
process.on("SIGTERM", () => { ending = true; });
`;

export interface LoadResult {
  readonly sent: number;
  /** Not sent, for too many were in flight. */
  readonly late: number;
  /** Answers by status, failures by their code. */
  readonly seen: Readonly<Record<string, number>>;
  /** The first failures: when, what, and whether on a kept connection. */
  readonly failures: readonly object[];
  readonly seconds: number;
  /** When the first request was sent, ms since the epoch. */
  readonly begin: number;
  /** Time to the end of an answer, ms. */
  readonly p50: number;
  readonly p99: number;
}

export interface LoadOptions {
  /** What is asked for items; by default through the page's Service. */
  readonly target?: string;
  /** Percent of the requests that write. @default 0 */
  readonly writes?: number;
  /** Kept connections. @default 50 */
  readonly connections?: number;
  /** A node that it must not be on, for it will be taken away. */
  readonly notOn?: string;
  /** Not before this moment, ms since the epoch. @default as soon as there are answers */
  readonly startAt?: number;
}

const LOAD_LABELS = { "iacproject/e2e": "load" };

/** Lets the load's pod ask the API itself, as nothing else outside its namespace may. */
export async function letLoadAskTheApi(): Promise<void> {
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
  await kube.raw(["apply", "-f", "-"], { input: JSON.stringify(policy) });
}

const notOn = (node: string) => ({
  nodeAffinity: {
    requiredDuringSchedulingIgnoredDuringExecution: {
      nodeSelectorTerms: [{ matchFields: [{ key: "metadata.name", operator: "NotIn", values: [node] }] }],
    },
  },
});

/** Takes the load's pod away, if there is one. */
export async function removeLoad(): Promise<void> {
  await kube.raw(["-n", "default", "delete", "pod", NAME, "--ignore-not-found", "--now"], { timeoutMs: 60_000 });
}

/** Requests a second that are `share` of what this machine can do now: a fixed rate is nothing to a fast one. */
export async function rateOf(share: number): Promise<number> {
  const probe = await startLoad(0, 5, { connections: 8 });
  try {
    const { sent, seconds } = await probe.result();
    return Math.floor((sent / seconds) * share);
  } finally {
    await probe.remove();
  }
}

/** Starts `rate` requests a second for `seconds`; `result` resolves when all are answered, `end` ends it before its time. */
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
  await kube.raw(["apply", "-f", "-"], { input: JSON.stringify(pod) });
  const result = () =>
    eventually("the load to end", seconds + 120, async () => {
      const pod = await kube.get("pod", NAME, "default");
      if (pod?.status?.phase === "Failed")
        throw new Error(JSON.stringify(pod.status.containerStatuses?.[0]?.state ?? pod.status));
      const message = pod?.status?.containerStatuses?.[0]?.state?.terminated?.message as string | undefined;
      return message ? (JSON.parse(message) as LoadResult) : undefined;
    });
  const end = async () => {
    await kube.raw(["-n", "default", "exec", NAME, "--", "node", "-e", "process.kill(1, 'SIGTERM')"]);
    return result();
  };
  return { result, end, remove: removeLoad };
}
