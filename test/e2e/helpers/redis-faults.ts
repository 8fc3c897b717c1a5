/** Faults in the Redis pods on a cluster, and a function that waits until everything has recovered. */
import { BASELINE_MAIN, EXHAUST } from "./baseline-redis";
import { cutLink, signal, smallDisk, stopFor } from "./chaos";
import { nodeCommand } from "./nodes";
import { app, eventually, isReady, kube, npmRunWith, redis, redisCli } from "./system";

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
const podsOf = (name: string) => kube.list("pods", "-n", app, "-l", `app.kubernetes.io/name=${name}`);
const info = async (pod: string) => {
  const text = await redis(pod, "INFO", "replication");
  return (field: string) => new RegExp(`${field}:(\\S+)`).exec(text)?.[1];
};

/** The names of the Redis pods, by role. */
export interface Roles {
  readonly main: string;
  /** The group's other members, and the read replicas. */
  readonly others: readonly string[];
}

/** Waits until there is one main, and all members and replicas are Ready and linked to it. @param seconds limit */
export const healthyRedis = (durability: string, seconds: number): Promise<Roles> =>
  eventually("Redis to be healthy", seconds, async () => {
    const [pool, replicas] = await Promise.all([podsOf("redis-main"), podsOf("redis-replica")]);
    if (pool.length !== (durability === "ha" ? 3 : 1) || replicas.length < 1) throw new Error("a pod is missing");
    const waiting = [...pool, ...replicas].filter((p) => !isReady(p) || p.metadata.deletionTimestamp);
    if (waiting.length) throw new Error(`not Ready: ${waiting.map((p) => p.metadata.name).join(", ")}`);
    const names = [...pool, ...replicas].map((p) => p.metadata.name);
    const seen = await Promise.all(names.map(info));
    const mains = names.filter((_, i) => seen[i]!("role") === "master");
    if (mains.length !== 1) throw new Error(`mains: ${mains.join(", ") || "none"}`);
    const apart = names.filter((_, i) => seen[i]!("role") !== "master" && seen[i]!("master_link_status") !== "up");
    if (apart.length) throw new Error(`not linked with main: ${apart.join(", ")}`);
    return { main: mains[0]!, others: names.filter((n) => n !== mains[0]) };
  });

const statusOf = async (pod: string, namespace = app) =>
  (await kube.get("pod", pod, namespace))?.status?.containerStatuses?.find((c: { name: string }) => c.name === "redis");
/** How often a pod's Redis was restarted. */
export const restarts = async (pod: string) => (await statusOf(pod))?.restartCount as number;
const deletePod = (pod: string, namespace = app) => kube.raw(["-n", namespace, "delete", "pod", pod, "--wait=false"]);
const ended = async (pod: string) => {
  const status = await statusOf(pod);
  return (status?.state?.terminated ?? status?.lastState?.terminated)?.reason as string | undefined;
};
const nodeOf = async (pod: string) => (await kube.get("pod", pod, app))!.spec?.["nodeName"] as string;

/** One kind of fault. */
export interface Kind {
  readonly name: string;
  /** Whether the fault hits main. */
  readonly main: boolean;
  readonly times: number;
  /** Whether the fault ends a container, which the kubelet restarts with backoff. */
  readonly restarts?: boolean;
  /** Whether the fault ends, or may end, Redis without an immediate restart in the same pod. */
  readonly ends?: boolean;
  /** Whether the fault needs a node that the test may stop. */
  readonly node?: boolean;
  readonly cause: (pod: string) => Promise<unknown>;
  /** The same fault on the baseline's main. */
  readonly baseline?: () => Promise<unknown>;
}

export interface KindsOptions {
  /** The deployment's settings. */
  readonly settings: Readonly<Record<string, string>>;
  /** Returns a random number between two bounds. */
  readonly between: (low: number, high: number) => number;
  /** Called with the start and end of each suspension of main. @default suspensions are not recorded */
  readonly onFreeze?: (from: number, to: number) => void;
  /** Fills the memory of the baseline's main. @default the baseline gets no such fault */
  readonly exhaustBaseline?: () => Promise<unknown>;
}

const baselineDeleted = () => deletePod(BASELINE_MAIN, "default");
const DELETED = { name: "pod deleted", cause: (pod: string) => deletePod(pod) };

/**
 * Replaces a fault that ends a container with one that deletes the pod: the kubelet restarts a container with a growing
 * backoff, which a new pod resets.
 */
export const deletedInstead = (kind: Kind): Kind => ({
  ...kind,
  ...DELETED,
  restarts: false,
  baseline: baselineDeleted,
});

async function diskFull(pod: string, between: KindsOptions["between"]): Promise<void> {
  const disk = await smallDisk(pod, `data-${pod}`);
  const before = await restarts(pod);
  await eventually("Redis to notice that its disk is full", 60, async () => {
    // a rewrite of the append-only file frees the space of the old file
    await disk.fill();
    if ((await restarts(pod)) > before || !(await statusOf(pod))?.state?.running) return true;
    // a former main that syncs from the new one is not Ready, because it cannot write its files
    if (!isReady((await kube.get("pod", pod, app))!)) return true;
    // or its guard has noticed first, and refuses writes
    return /aof_last_(write|bgrewrite)_status:err|^maxmemory:1\r?$/m.test(await redis(pod, "INFO", "everything"))
      ? true
      : undefined;
  });
  await pause(between(2000, 8000));
  await disk.end();
}

/** The faults, each with the number of times it occurs in a run. */
export function redisFaults({ settings, between, onFreeze, exhaustBaseline }: KindsOptions): readonly Kind[] {
  let memory = 0;
  const killed = { name: "process killed", restarts: true, cause: (pod: string) => signal(pod, "KILL") };
  const stopped = { name: "process stopped", cause: (pod: string) => stopFor(pod, between(500, 7000)) };
  const link = {
    name: "link cut",
    cause: async (pod: string) => {
      const restore = await cutLink(pod);
      await pause(between(2000, 10_000));
      await restore();
    },
  };
  return [
    { ...killed, main: true, times: 10, baseline: () => signal(BASELINE_MAIN, "KILL", "default") },
    {
      ...stopped,
      main: true,
      times: 5,
      cause: async (pod) => {
        const from = Date.now();
        await stopped.cause(pod);
        onFreeze?.(from, Date.now());
      },
      baseline: () => stopFor(BASELINE_MAIN, 2000, "default"),
    },
    { ...DELETED, main: true, times: 5, baseline: baselineDeleted },
    { ...link, main: true, times: 6 },
    {
      name: "out of memory",
      main: true,
      times: 3,
      restarts: true,
      cause: async (pod) => {
        await redisCli(pod, ["EVAL", `"${EXHAUST}"`, "0"], 60_000).catch(() => undefined);
        await eventually("the kernel to kill it", 30, async () =>
          (await ended(pod)) === "OOMKilled" ? true : undefined,
        );
      },
      ...(exhaustBaseline ? { baseline: exhaustBaseline } : {}),
    },
    { name: "disk full", main: true, times: 2, ends: true, cause: (pod) => diskFull(pod, between) },
    {
      name: "node lost, and back",
      main: true,
      node: true,
      times: 2,
      ends: true,
      cause: async (pod) => {
        const node = await nodeOf(pod);
        nodeCommand("STOP", node);
        await pause(between(3000, 15_000));
        nodeCommand("START", node);
      },
    },
    {
      name: "new settings",
      main: true,
      times: 2,
      cause: async () => {
        memory = memory === 240 ? 250 : 240;
        expect((await npmRunWith({ ...settings, IAC_REDIS_MAX_MEMORY: `${memory}mb` }, "up")).code).toBe(0);
      },
    },
    { ...killed, main: false, times: 5 },
    { ...stopped, main: false, times: 4 },
    { ...DELETED, main: false, times: 4 },
    { ...link, main: false, times: 4 },
  ];
}
