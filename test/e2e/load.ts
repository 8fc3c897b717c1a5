/** A bounded load from inside the cluster: a pod of the API's image that asks the page's Service. */
import { app, eventually, kube } from "./system";

const NAME = "e2e-load";

/**
 * Runs in the pod: so many requests a second for so long, over at most 50 kept connections, none
 * waiting longer than 10 s. Above 500 in flight it does not send but counts: memory stays small.
 */
const SCRIPT = `
const http = require("node:http");
const [rate, seconds] = process.argv.slice(1).map(Number);
const agent = new http.Agent({ keepAlive: true, maxSockets: 50 });
const seen = {}; let due = 0, sent = 0, late = 0, done = 0;
const count = (what) => { seen[what] = (seen[what] || 0) + 1; done++; };
function one(i) {
  const request = http.get(process.env.TARGET + "?id=e2e-" + (i % 100), { agent, timeout: 10000 }, (r) => { r.resume(); r.once("end", () => count(r.statusCode)); });
  request.once("timeout", () => request.destroy(new Error("ETIMEDOUT")));
  request.once("error", (e) => count(e.code || e.message));
}
const begin = Date.now();
const timer = setInterval(() => {
  const now = Math.min(rate * seconds, Math.floor((Date.now() - begin) / 1000 * rate));
  for (; due < now; due++) { if (sent - done < 500) one(sent++); else late++; }
  if (due >= rate * seconds && done >= sent) { clearInterval(timer); console.log(JSON.stringify({ sent, late, seen })); process.exit(0); }
}, 20);
`;

export interface LoadResult {
  readonly sent: number;
  /** Not sent, for too many were in flight. */
  readonly late: number;
  /** Answers by status, failures by their code. */
  readonly seen: Readonly<Record<string, number>>;
}

/** Starts `rate` requests a second for `seconds`; `result` resolves when all are answered. */
export async function startLoad(
  rate: number,
  seconds: number,
): Promise<{ result: () => Promise<LoadResult>; remove: () => Promise<void> }> {
  const image = await kube.raw([
    "-n",
    app,
    "get",
    "deploy",
    "node",
    "-o",
    "jsonpath={.spec.template.spec.containers[0].image}",
  ]);
  const remove = async () =>
    void (await kube.raw(["-n", "default", "delete", "pod", NAME, "--ignore-not-found", "--now"], {
      timeoutMs: 60_000,
    }));
  await remove();
  const pod = {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: NAME, namespace: "default" },
    spec: {
      restartPolicy: "Never",
      automountServiceAccountToken: false,
      activeDeadlineSeconds: seconds + 120,
      containers: [
        {
          name: "load",
          image,
          command: ["node", "-e", SCRIPT, String(rate), String(seconds)],
          env: [{ name: "TARGET", value: `http://react.${app}.svc:8080/api/item` }],
          resources: { requests: { cpu: "50m", memory: "64Mi" }, limits: { memory: "256Mi" } },
        },
      ],
    },
  };
  await kube.raw(["apply", "-f", "-"], { input: JSON.stringify(pod) });
  const result = () =>
    eventually("the load to end", seconds + 90, async () => {
      const pod = await kube.get("pod", NAME, "default");
      if (pod?.status?.phase === "Failed")
        throw new Error(JSON.stringify(pod.status.containerStatuses?.[0]?.state ?? pod.status));
      const log = await kube.raw(["-n", "default", "logs", NAME]);
      return log.trim().startsWith("{") ? (JSON.parse(log) as LoadResult) : undefined;
    });
  return { result, remove };
}
