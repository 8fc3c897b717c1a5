/**
 * The baseline for the fault tests: a main and two replicas that run the same image with Redis' default settings and a
 * volume, without probes or any other part of the project. The ledger writes to it directly.
 */
import { HELD } from "../../helpers/ledger-writer";
import { REDIS_WRITER } from "../../helpers/ledger-redis-writer";
import { removeLedger, startLedger } from "./ledger";
import { eventually, isReady, kube } from "./system";

const NAMESPACE = "default";
const LEDGER = "e2e-peer-ledger";
export const BASELINE_MAIN = "e2e-peer-main-0";
const named = (name: string) => ({ name, namespace: NAMESPACE, labels: { "iacproject/e2e": "peer" } });

const workload = (
  kind: string,
  name: string,
  image: string,
  replicas: number,
  args: readonly string[],
  more: object,
  volume: object,
) => ({
  apiVersion: "apps/v1",
  kind,
  metadata: named(name),
  spec: {
    replicas,
    selector: { matchLabels: { app: name } },
    template: {
      metadata: { labels: { app: name, "iacproject/e2e": "peer" } },
      spec: {
        automountServiceAccountToken: false,
        containers: [
          {
            name: "redis",
            image,
            command: ["redis-server", "--dir", "/data", "--protected-mode", "no", ...args],
            volumeMounts: [{ name: "data", mountPath: "/data" }],
            resources: { requests: { cpu: "20m", memory: "64Mi" }, limits: { memory: "768Mi" } },
          },
        ],
        ...volume,
      },
    },
    ...more,
  },
});

/** Removes the baseline with its volume. */
export async function removeBaseline(): Promise<void> {
  await removeLedger(LEDGER);
  await kube.raw(
    [
      "-n",
      NAMESPACE,
      "delete",
      "statefulset,deployment,service,pvc",
      "-l",
      "iacproject/e2e=peer",
      "--wait",
      "--timeout=90s",
    ],
    { timeoutMs: 120_000 },
  );
}

const cli = (pod: string, ...args: string[]) =>
  kube.raw(["-n", NAMESPACE, "exec", pod, "--", "redis-cli", "--raw", ...args], { timeoutMs: 120_000 });

/** Starts the baseline, and a ledger on `node` that writes to it. */
export async function startBaseline(image: string, node: string) {
  await removeBaseline();
  const objects = [
    {
      apiVersion: "v1",
      kind: "Service",
      metadata: named("e2e-peer-main"),
      spec: { selector: { app: "e2e-peer-main" }, ports: [{ port: 6379 }] },
    },
    workload(
      "StatefulSet",
      "e2e-peer-main",
      image,
      1,
      [],
      {
        serviceName: "e2e-peer-main",
        volumeClaimTemplates: [
          {
            metadata: { name: "data", labels: { "iacproject/e2e": "peer" } },
            spec: { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "1Gi" } } },
          },
        ],
      },
      {},
    ),
    workload(
      "Deployment",
      "e2e-peer-replica",
      image,
      2,
      ["--replicaof", "e2e-peer-main", "6379"],
      {},
      {
        volumes: [{ name: "data", emptyDir: {} }],
      },
    ),
  ];
  await kube.apply({ apiVersion: "v1", kind: "List", items: objects });
  const pods = () => kube.list("pods", "-n", NAMESPACE, "-l", "iacproject/e2e=peer");
  await eventually("the baseline Redis", 120, async () => {
    const all = await pods();
    return all.length === 3 && all.every(isReady) ? true : undefined;
  });
  const ledger = await startLedger({
    name: LEDGER,
    writers: 2,
    pauseMs: 20,
    node,
    writer: { program: REDIS_WRITER, target: "e2e-peer-main.default.svc:6379" },
  });
  return {
    ledger,
    /** Makes the baseline's main run out of memory. */
    exhaust: () => cli(BASELINE_MAIN, "EVAL", EXHAUST, "0"),
    /** The ledger's keys that each instance holds, by pod. */
    held: async (): Promise<Record<string, string>> => {
      const out: Record<string, string> = {};
      for (const pod of await pods())
        out[pod.metadata.name] = await eventually(`${pod.metadata.name} to answer`, 90, () =>
          cli(pod.metadata.name, "EVAL_RO", HELD, "0"),
        );
      return out;
    },
  };
}

/** Lua script that allocates memory until none is left. It writes no keys, so it leaves nothing behind. */
export const EXHAUST = "local t={} for i=1,1e7 do t[i]=string.rep(tostring(i),100000) end return 1";
