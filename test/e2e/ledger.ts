/** A ledger: a pod that writes without end and keeps every answer, and what each Redis has of it in the end. */
import { HELD, longestGap, parseKept, WRITER } from "../helpers/ledger-writer";
import { apiImage, app, eventually, kube, redisCli } from "./system";

const NAME = "e2e-ledger";
const LABELS = { "iacproject/e2e": "load" };

export interface Ledger {
  /** Every acknowledged key, and when, ms since the epoch. */
  readonly kept: ReadonlyMap<string, number>;
  /** Writes that were answered otherwise, or not at all. */
  readonly failed: number;
}

const inPod = (...args: string[]) => kube.raw(["-n", "default", "exec", NAME, "--", ...args], { timeoutMs: 120_000 });

const readKept = async () => parseKept(await inPod("cat", "/tmp/kept"));

export async function removeLedger(): Promise<void> {
  await kube.raw(["-n", "default", "delete", "pod", NAME, "--ignore-not-found", "--now"], { timeoutMs: 60_000 });
}

/** Starts writing. `node` is where, for one that is taken away would take the ledger with it. */
export async function startLedger(options: { writers: number; pauseMs: number; node?: string }) {
  await removeLedger();
  const image = await apiImage();
  const pod = {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: NAME, namespace: "default", labels: LABELS },
    spec: {
      restartPolicy: "Never",
      ...(options.node === undefined ? {} : { nodeName: options.node }),
      automountServiceAccountToken: false,
      activeDeadlineSeconds: 7200,
      containers: [
        {
          name: "ledger",
          image,
          command: ["node", "-e", WRITER, String(options.writers), String(options.pauseMs), "/tmp"],
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
    /** Writes so far that were answered otherwise, or not at all. */
    failed: async () => Number((await inPod("sh", "-c", "wc -l </tmp/refused")).trim()),
    /** Waits until writes are answered again. */
    goesOn: async (seconds: number) => {
      const before = await count();
      await eventually("writes to be answered again", seconds, async () =>
        (await count()) > before + 10 ? true : undefined,
      );
    },
    /** The longest time without an acknowledged write since `from`, seconds. */
    longestGap: async (from: number) => longestGap(await readKept(), from),
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

/** What a Redis holds of the ledger, as {@link HELD} tells it. */
export const heldBy = (pod: string): Promise<string> => redisCli(pod, ["--raw", "EVAL_RO", `"${HELD}"`, "0"], 120_000);
