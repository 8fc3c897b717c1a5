/** A ledger: a pod that writes without end and keeps every answer, and what each Redis has of it in the end. */
import { app, eventually, kube } from "./system";

const NAME = "e2e-ledger";
const LABELS = { "iacproject/e2e": "load" };

/**
 * Runs in the pod: so many writers, each with one request at a time, every key a new one. What was answered with 200
 * is appended to a file at once, with the moment.
 */
const SCRIPT = `
const http = require("node:http"), fs = require("node:fs");
const [writers, pause] = process.argv.slice(1).map(Number);
const file = fs.openSync("/tmp/kept", "a");
let next = 0, failed = 0, stopped = false;
process.on("SIGTERM", () => process.exit(0));
process.on("SIGUSR2", () => { stopped = true; setTimeout(() => fs.writeFileSync("/tmp/failed", String(failed)), 12000); });
async function writer(agent) {
  while (!stopped) {
    const id = "ledger-" + next++;
    const status = await new Promise((resolve) => {
      const request = http.request(process.env.TARGET, { agent, timeout: 10000, method: "POST", headers: { "content-type": "application/json" } }, (r) => { r.resume(); r.once("end", () => resolve(r.statusCode)); });
      request.once("timeout", () => request.destroy());
      request.once("error", () => resolve(0));
      request.end(JSON.stringify({ id, val: id }));
    });
    if (status === 200) fs.writeSync(file, id + " " + Date.now() + "\\n");
    else { failed++; await new Promise((r) => setTimeout(r, 100)); }
    if (pause) await new Promise((r) => setTimeout(r, pause));
  }
}
// it stays when the writers have ended: its files are read then
setInterval(() => {}, 1 << 30);
for (let i = 0; i < writers; i++) writer(new http.Agent({ keepAlive: true, maxSockets: 1 }));
`;

export interface Ledger {
  /** Every acknowledged key, and when, ms since the epoch. */
  readonly kept: ReadonlyMap<string, number>;
  /** Writes that were answered otherwise, or not at all. */
  readonly failed: number;
}

const inPod = (...args: string[]) => kube.raw(["-n", "default", "exec", NAME, "--", ...args], { timeoutMs: 120_000 });

async function readKept(): Promise<Map<string, number>> {
  const lines = (await inPod("cat", "/tmp/kept")).trim().split("\n");
  return new Map(lines.filter(Boolean).map((line) => [line.split(" ")[0]!, Number(line.split(" ")[1])]));
}

export async function removeLedger(): Promise<void> {
  await kube.raw(["-n", "default", "delete", "pod", NAME, "--ignore-not-found", "--now"], { timeoutMs: 60_000 });
}

/** Starts writing. `node` is where, for one that is taken away would take the ledger with it. */
export async function startLedger(options: { writers: number; pauseMs: number; node: string }) {
  await removeLedger();
  const image = await kube.raw([
    ...["-n", app, "get", "deploy", "node", "-o"],
    "jsonpath={.spec.template.spec.containers[0].image}",
  ]);
  const pod = {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: NAME, namespace: "default", labels: LABELS },
    spec: {
      restartPolicy: "Never",
      nodeName: options.node,
      automountServiceAccountToken: false,
      activeDeadlineSeconds: 7200,
      containers: [
        {
          name: "ledger",
          image,
          command: ["node", "-e", SCRIPT, String(options.writers), String(options.pauseMs)],
          env: [{ name: "TARGET", value: `http://node.${app}.svc:3000/item` }],
          volumeMounts: [{ name: "tmp", mountPath: "/tmp" }],
          resources: { requests: { cpu: "50m", memory: "64Mi" }, limits: { memory: "256Mi" } },
        },
      ],
      volumes: [{ name: "tmp", emptyDir: {} }],
    },
  };
  await kube.raw(["apply", "-f", "-"], { input: JSON.stringify(pod) });
  const count = async () => Number((await inPod("sh", "-c", "wc -l </tmp/kept")).trim());
  await eventually("the ledger to begin", 90, async () => ((await count()) > 20 ? true : undefined));
  return {
    count,
    /** Waits until writes are answered again. */
    goesOn: async (seconds: number) => {
      const before = await count();
      await eventually("writes to be answered again", seconds, async () =>
        (await count()) > before + 10 ? true : undefined,
      );
    },
    /** The longest time without an acknowledged write since `from`, seconds. */
    longestGap: async (from: number) => {
      const times = [...(await readKept()).values()].filter((t) => t >= from - 1000).sort((a, b) => a - b);
      return Math.max(0, ...times.slice(1).map((t, i) => t - times[i]!)) / 1000;
    },
    stop: async (): Promise<Ledger> => {
      await inPod("sh", "-c", "kill -USR2 1");
      const failed = await eventually("the last answers", 60, async () => {
        const text = await inPod("cat", "/tmp/failed").catch(() => "");
        return text === "" ? undefined : Number(text);
      });
      return { kept: await readKept(), failed };
    },
  };
}

/** Keys of the ledger that a Redis holds with their value. */
export async function heldBy(pod: string): Promise<ReadonlySet<string>> {
  // a key is its own value: one that is there with another is as good as lost
  const lua =
    "local c,r='0',{} repeat local s=redis.call('SCAN',c,'MATCH','ledger-*','COUNT',5000) c=s[1] for _,k in ipairs(s[2]) do if redis.call('GET',k)==k then r[#r+1]=string.sub(k,8) end end until c=='0' return table.concat(r,',')";
  const out = await kube.raw(
    [
      ...["-n", app, "exec", pod, "-c", "redis", "--", "sh", "-c"],
      `REDISCLI_AUTH=$(cat /run/secrets/redis/password) redis-cli --raw EVAL_RO "${lua}" 0`,
    ],
    { timeoutMs: 120_000 },
  );
  return new Set(
    out
      .trim()
      .split(",")
      .map((n) => `ledger-${n}`),
  );
}
