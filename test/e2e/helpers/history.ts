/**
 * Records a history on a cluster: a pod with many clients uses a few keys through several API pods, each at its own
 * address.
 */
import { CLIENTS } from "../../helpers/history/clients";
import { type Micros, now, parseLine, type Recorded } from "../../helpers/history/record";
import { apiImage, app, eventually, isReady, kube } from "./system";

const NAME = "e2e-history";
const LABELS = { "iacproject/e2e": "load" };
const PORT = 3000;

export interface HistoryOptions {
  readonly keys: number;
  readonly clientsPerKey: number;
  readonly pauseMs: number;
  /** The pod's node, which no fault may remove. */
  readonly node: string;
  /** Number of API pods to call. */
  readonly apis: number;
}

/** Removes the clients' pod, if it exists. */
export async function removeHistory(): Promise<void> {
  await kube.raw(["-n", "default", "delete", "pod", NAME, "--ignore-not-found", "--now"], { timeoutMs: 60_000 });
}

const inPod = (...args: string[]) => kube.raw(["-n", "default", "exec", NAME, "--", ...args], { timeoutMs: 120_000 });

/** API pods by name, with their addresses. */
const apiPods = async () =>
  new Map(
    (await kube.list("pods", "-n", app, "-l", "app.kubernetes.io/name=node"))
      .filter((pod) => isReady(pod) && !pod.metadata.deletionTimestamp)
      .map((pod) => [pod.metadata.name, pod.status?.podIP as string]),
  );

/** The difference between the pod's clock and this machine's, in µs, from the fastest of several round trips. */
async function clockOffset(): Promise<Micros> {
  let best = { took: Infinity, offset: 0 };
  for (let i = 0; i < 5; i++) {
    const sent = now();
    const there = Number(await inPod("node", "-e", "process.stdout.write(String(process.hrtime.bigint() / 1000n))"));
    const took = now() - sent;
    // the program prints the time once it has started, near the end of the round trip
    if (took < best.took) best = { took, offset: there - (sent + now()) / 2 };
  }
  return best.offset;
}

/** Starts the clients. */
export async function startHistory(options: HistoryOptions) {
  await removeHistory();
  const first = await eventually(`${options.apis} API pods`, 120, async () => {
    const pods = await apiPods();
    return pods.size >= options.apis ? [...pods].slice(0, options.apis) : undefined;
  });
  /** Name and address of the API process at each position. */
  const apis = [...first];
  const targets = () => apis.map(([, address]) => `http://${address}:${PORT}`).join("\n");
  const pod = {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: NAME, namespace: "default", labels: LABELS },
    spec: {
      restartPolicy: "Never",
      nodeName: options.node,
      automountServiceAccountToken: false,
      activeDeadlineSeconds: 10_800,
      containers: [
        {
          name: "history",
          image: await apiImage(),
          command: [
            "sh",
            "-c",
            'printf %s "$TARGETS" >/tmp/targets; exec node -e "$0" "$@"',
            CLIENTS,
            ...[options.keys, options.clientsPerKey, options.pauseMs].map(String),
            "/tmp",
          ],
          env: [{ name: "TARGETS", value: targets() }],
          volumeMounts: [{ name: "tmp", mountPath: "/tmp" }],
          resources: { requests: { cpu: "100m", memory: "64Mi" }, limits: { memory: "256Mi" } },
        },
      ],
      volumes: [{ name: "tmp", emptyDir: { sizeLimit: "512Mi" } }],
    },
  };
  await kube.apply(pod);
  const records: Recorded[] = [];
  let at = 0;
  /** Reads the complete lines appended since the last call. @returns all records so far */
  const read = async (): Promise<readonly Recorded[]> => {
    const text = await inPod("sh", "-c", `tail -c +${at + 1} /tmp/history`);
    const whole = text.slice(0, text.lastIndexOf("\n") + 1);
    at += Buffer.byteLength(whole);
    for (const line of whole.split("\n")) if (line) records.push(parseLine(line));
    return records;
  };
  await eventually("the first operations", 90, async () => ((await read()).length > 0 ? true : undefined));
  const offset = await clockOffset();
  /** Converts a time on this machine's wall clock to the clock of the records. */
  const onItsClock = (ms: number): Micros => now() - (Date.now() - ms) * 1000 + offset;
  /** Replaces the addresses of API pods that no longer exist. */
  const refresh = async () => {
    const there = await apiPods();
    const gone = apis.flatMap(([name, address], i) => (there.get(name) === address ? [] : [i]));
    const free = [...there].filter(([name]) => !apis.some(([used]) => used === name));
    for (const i of gone) {
      const next = free.shift();
      if (next) apis[i] = next;
    }
    if (gone.length > 0)
      await inPod("sh", "-c", `printf '%s' '${targets()}' >/tmp/targets.new && mv /tmp/targets.new /tmp/targets`);
  };
  return {
    read,
    onItsClock,
    refresh,
    /** Names of the API pods that are called. */
    apis: (): readonly string[] => apis.map(([name]) => name),
    /** Stops the clients. @returns all records */
    stop: async (): Promise<readonly Recorded[]> => {
      await inPod("sh", "-c", "kill -USR2 1");
      await eventually("the last answers", 60, async () => (await inPod("ls", "/tmp/done"), true));
      return read();
    },
  };
}
