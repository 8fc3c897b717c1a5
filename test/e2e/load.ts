/** A bounded load from inside the cluster: a pod of the API's image that asks the page's Service. */
import { app, eventually, kube } from "./system";

const NAME = "e2e-load";

/** Runs in the pod: so many requests a second for so long, each time-limited; prints a summary. */
const SCRIPT = `
const [rate, seconds] = process.argv.slice(1).map(Number);
const seen = {}; let sent = 0, done = 0;
const begin = Date.now();
async function one() {
  try { const r = await fetch(process.env.TARGET + "?id=e2e-" + (sent % 100), { signal: AbortSignal.timeout(10000) }); await r.text(); seen[r.status] = (seen[r.status] || 0) + 1; }
  catch (e) { const k = e.cause?.code || e.name; seen[k] = (seen[k] || 0) + 1; }
  done++;
}
const timer = setInterval(() => {
  const due = Math.min(rate * seconds, Math.floor((Date.now() - begin) / 1000 * rate));
  while (sent < due) { sent++; one(); }
  if (sent >= rate * seconds && done >= sent) { clearInterval(timer); console.log(JSON.stringify({ sent, seen })); }
}, 20);
`;

export interface LoadResult {
  readonly sent: number;
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
      const log = await kube.raw(["-n", "default", "logs", NAME]);
      return log.trim().startsWith("{") ? (JSON.parse(log) as LoadResult) : undefined;
    });
  return { result, remove };
}
