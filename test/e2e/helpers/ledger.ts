/**
 * A ledger: a pod that writes continuously and records every response. At the end, its records are compared with each
 * Redis instance's data.
 */
import { HELD, LONGEST_GAP, parseKept, WRITER } from "../../helpers/ledger-writer";
import { apiImage, app, eventually, kube, redisCli } from "./system";

const LABELS = { "iacproject/e2e": "load" };

export interface Ledger {
  /** Acknowledged keys, each with its time in ms since the epoch. */
  readonly kept: ReadonlyMap<string, number>;
  /** Writes that failed or got no response. */
  readonly failed: number;
}

export interface LedgerOptions {
  readonly writers: number;
  readonly pauseMs: number;
  /** The pod's node, which no fault may remove, because the ledger would be lost with it. */
  readonly node?: string;
  /** The pod's name. @default "e2e-ledger" */
  readonly name?: string;
  /** A program to use instead of the one that writes through the API, and its TARGET. */
  readonly writer?: { readonly program: string; readonly target: string };
}

const removePod = (name: string) =>
  kube.raw(["-n", "default", "delete", "pod", name, "--ignore-not-found", "--now"], { timeoutMs: 60_000 });

export async function removeLedger(name = "e2e-ledger"): Promise<void> {
  await removePod(name);
}

/** Starts writing. */
export async function startLedger(options: LedgerOptions) {
  const { name = "e2e-ledger", writer = { program: WRITER, target: `http://node.${app}.svc:3000/item` } } = options;
  const inPod = (...args: string[]) => kube.raw(["-n", "default", "exec", name, "--", ...args], { timeoutMs: 120_000 });
  await removePod(name);
  const image = await apiImage();
  const pod = {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name, namespace: "default", labels: LABELS },
    spec: {
      restartPolicy: "Never",
      ...(options.node === undefined ? {} : { nodeName: options.node }),
      automountServiceAccountToken: false,
      activeDeadlineSeconds: 7200,
      containers: [
        {
          name: "ledger",
          image,
          command: ["node", "-e", writer.program, String(options.writers), String(options.pauseMs), "/tmp"],
          env: [{ name: "TARGET", value: writer.target }],
          volumeMounts: [{ name: "tmp", mountPath: "/tmp" }],
          resources: { requests: { cpu: "50m", memory: "64Mi" }, limits: { memory: "256Mi" } },
        },
      ],
      volumes: [{ name: "tmp", emptyDir: {} }],
    },
  };
  await kube.apply(pod);
  const count = async () => Number((await inPod("sh", "-c", "wc -l </tmp/kept")).trim());
  const readKept = async () => {
    const lines = await count();
    // a truncated stream would hide a lost write
    return eventually("the complete ledger", 120, async () => {
      const kept = parseKept(await inPod("cat", "/tmp/kept"));
      if (kept.size < lines) throw new Error(`${kept.size} of ${lines} lines received`);
      return kept;
    });
  };
  await eventually("the ledger to start", 90, async () => ((await count()) > 20 ? true : undefined));
  return {
    count,
    /** Number of writes so far that failed or got no response. */
    failed: async () => Number((await inPod("sh", "-c", "wc -l </tmp/refused")).trim()),
    /** The last failed writes: time and response. */
    refused: () => inPod("tail", "-n", "20", "/tmp/refused"),
    /** Waits until writes are acknowledged again. */
    waitForWrites: async (seconds: number) => {
      const before = await count();
      await eventually("writes to be acknowledged again", seconds, async () =>
        (await count()) > before + 10 ? true : undefined,
      );
    },
    /** The longest time without an acknowledged write since `from`, in seconds. */
    longestGap: async (from: number) =>
      Number(await inPod("node", "-e", LONGEST_GAP, String(from), "/tmp/kept")) / 1000,
    stop: async (): Promise<Ledger> => {
      await inPod("sh", "-c", "kill -USR2 1");
      const failed = await eventually("the last responses", 60, async () => {
        const text = await inPod("cat", "/tmp/failed").catch(() => "");
        return text === "" ? undefined : Number(text);
      });
      return { kept: await readKept(), failed };
    },
  };
}

/** The ledger's keys that a Redis instance holds, as {@link HELD} prints them. */
export const heldBy = (pod: string): Promise<string> => redisCli(pod, ["--raw", "EVAL_RO", `"${HELD}"`, "0"], 120_000);
