/**
 * Faults that cannot be caused through the Kubernetes API: a signal to a process, a dead link, a full disk. A
 * privileged pod on each node causes them; these pods exist only while a test runs.
 */
import type { KubeObject } from "../../../scripts/cluster/kubectl";
import { app, eventually, isReady, kube } from "./system";

const NAME = "e2e-chaos";
const NAMESPACE = "default";
const LABELS = { "iacproject/e2e": "chaos" };
/**
 * Shell script that sets `$shim` to a process in the node's mount namespace (the machine's process 1 may be in a
 * different one): the container's shim, which becomes this shell's parent when the runtime's own process ends.
 */
const FIND_SHIM = `
for try in 1 2 3 4 5 6 7 8 9 10; do
  shim=$(sed -n 's/^PPid:[^0-9]*//p' /proc/$$/status)
  case $(cat /proc/$shim/comm 2>/dev/null) in '' | runc* | crun*) sleep 0.2 ;; *) break ;; esac
done
`;
/**
 * Room on the disk of {@link smallDisk}: enough for Redis to accept writes (modules/redis/scripts/disk-guard.sh) until
 * the disk is filled.
 */
const SMALL_ROOM_KB = 96 * 1024;
/** Mount point on the node for {@link smallDisk}. */
const SMALL = "/run/e2e-small-disk";

/** Undoes the faults in progress and removes the pods. */
export async function removeChaos(): Promise<void> {
  await Promise.all(undo.map((u) => u().catch((error: Error) => console.log(error.message))));
  undo.length = 0;
  await kube.raw(["-n", NAMESPACE, "delete", "daemonset", NAME, "--ignore-not-found", "--wait", "--timeout=60s"], {
    timeoutMs: 90_000,
  });
}

/** Undo functions of the faults in progress. */
const undo: (() => Promise<void>)[] = [];
function trackUndo(end: () => Promise<void>): () => Promise<void> {
  undo.push(end);
  return async () => {
    await end();
    undo.splice(undo.indexOf(end), 1);
  };
}

/** Starts a pod on each node. `image` needs a shell and nsenter. */
export async function startChaos(image: string): Promise<void> {
  const daemonSet = {
    apiVersion: "apps/v1",
    kind: "DaemonSet",
    metadata: { name: NAME, namespace: NAMESPACE, labels: LABELS },
    spec: {
      selector: { matchLabels: LABELS },
      template: {
        metadata: { labels: LABELS },
        spec: {
          hostPID: true,
          hostNetwork: true,
          automountServiceAccountToken: false,
          tolerations: [{ operator: "Exists" }],
          terminationGracePeriodSeconds: 1,
          containers: [
            {
              name: "chaos",
              image,
              command: ["sleep", "infinity"],
              securityContext: { privileged: true, runAsUser: 0 },
              resources: { requests: { cpu: "5m", memory: "16Mi" } },
            },
          ],
        },
      },
    },
  };
  await kube.apply(daemonSet);
  await eventually("a chaos pod on each node", 90, async () => {
    const [pods, nodes] = await Promise.all([helpers(), kube.list("nodes")]);
    return pods.length === nodes.length && pods.every(isReady) ? true : undefined;
  });
}

const helpers = () => kube.list("pods", "-n", NAMESPACE, "-l", "iacproject/e2e=chaos");
const nodeOf = (pod: KubeObject) => pod.spec!["nodeName"] as string;

/** Runs a shell script as root in a node's process and network namespaces, and returns its output. */
export async function onNode(node: string, script: string): Promise<string> {
  const helper = await eventually(`the chaos pod on node ${node}`, 120, async () =>
    (await helpers()).find((p) => nodeOf(p) === node && isReady(p)),
  );
  const out = await kube.raw(["-n", NAMESPACE, "exec", helper.metadata.name, "--", "sh", "-euc", script], {
    timeoutMs: 60_000,
  });
  return out.trim();
}

/**
 * Shell script that sets $pid to the pod's oldest process whose command line matches a `case` pattern: others, such as
 * probes, may end at any time. In a pod's id, systemd writes _ instead of -.
 */
const findProcess = (pod: KubeObject, pattern: string) => {
  const uid = pod.metadata.uid!;
  return `pid= since=
for p in /proc/[0-9]*; do
  grep -qE '${uid}|${uid.replaceAll("-", "_")}' $p/cgroup 2>/dev/null || continue
  case $(tr '\\0' ' ' <$p/cmdline) in ${pattern})
    begun=$(sed 's/.*) //' $p/stat 2>/dev/null | cut -d ' ' -f 20)
    [ -z "$begun" ] || [ "$begun" -ge "\${since:-$((begun + 1))}" ] || { since=$begun; pid=\${p#/proc/}; } ;;
  esac
done
[ -n "$pid" ] || { echo 'no such process in pod ${pod.metadata.name}' >&2; exit 1; }
`;
};
/** Redis, not Sentinel. */
const findRedis = (pod: KubeObject) => findProcess(pod, "*sentinel*) ;; redis-server*");
/** The API. */
const findNode = (pod: KubeObject) => findProcess(pod, "node*");

const podNamed = async (name: string, namespace: string) => {
  const pod = await kube.get("pod", name, namespace);
  if (!pod) throw new Error(`there is no pod ${namespace}/${name}`);
  return pod;
};

/**
 * Signals a pod's Redis from the node, because a container's process 1 ignores signals sent from inside the container.
 */
export async function signal(name: string, what: "KILL" | "STOP" | "CONT", namespace = app): Promise<void> {
  const pod = await podNamed(name, namespace);
  await onNode(nodeOf(pod), `${findRedis(pod)}kill -${what} $pid`);
}

/** Suspends a pod's Redis for `ms`. */
export async function stopFor(name: string, ms: number, namespace = app): Promise<void> {
  await signal(name, "STOP", namespace);
  const resume = trackUndo(() => signal(name, "CONT", namespace));
  await new Promise((resolve) => setTimeout(resolve, ms));
  await resume();
}

/**
 * Takes down the node's end of a pod's link, so that packets are dropped, even those of established connections. Waits
 * until the pod sees that its link is down, and returns a function that brings the link back up.
 */
export async function cutLink(name: string, namespace = app): Promise<() => Promise<void>> {
  const pod = await podNamed(name, namespace);
  const inPod = (what: string) =>
    kube.raw(["-n", namespace, "exec", name, "-c", "redis", "--", "cat", `/sys/class/net/eth0/${what}`]);
  const index = Number(await inPod("iflink"));
  // the node's own devices, mounted writable; IFF_UP is the lowest bit of their flags
  const flags = (change: string) => `unshare -m sh -euc '
mount -t sysfs sysfs /sys
mount -o remount,rw /sys
for d in /sys/class/net/*; do
  [ "$(cat $d/ifindex)" = ${index} ] || continue
  echo $(( $(cat $d/flags) ${change} )) >$d/flags
  exit 0
done
echo "no device ${index}" >&2
exit 1'`;
  await onNode(nodeOf(pod), flags("& ~1"));
  const end = trackUndo(async () => void (await onNode(nodeOf(pod), flags("| 1"))));
  await eventually(`the link of ${name} to be down`, 10, async () =>
    (await inPod("operstate")).trim() === "up" ? undefined : true,
  );
  return end;
}

/** An iptables rule: its chain and match. */
export type PacketRule = readonly ["INPUT" | "OUTPUT", ...string[]];

/**
 * Drops packets in a pod's network namespace, even those of established connections, with the node's own iptables.
 * Returns a function that removes the rules.
 */
export async function dropPackets(
  name: string,
  rules: readonly PacketRule[],
  namespace = app,
): Promise<() => Promise<void>> {
  const pod = await podNamed(name, namespace);
  const any = findProcess(pod, "?*");
  // k3s includes its own iptables
  const run = (what: "-A" | "-D") =>
    `${FIND_SHIM}${any}for program in iptables /usr/sbin/iptables /sbin/iptables /var/lib/rancher/k3s/data/current/bin/aux/iptables; do
  nsenter -t $shim -m -- sh -c "command -v $program" >/dev/null && break
done
${rules.map(([chain, ...match]) => `nsenter -t $pid -n nsenter -t $shim -m -- $program -w ${what} ${chain} ${match.join(" ")} -j DROP`).join("\n")}`;
  await onNode(nodeOf(pod), run("-A"));
  return trackUndo(async () => {
    // if the pod was replaced, the rules were deleted together with its network namespace
    if ((await kube.get("pod", name, namespace))?.metadata.uid === pod.metadata.uid)
      await onNode(nodeOf(pod), run("-D"));
  });
}

/** Slows down an API pod's process for `ms`, by letting it run only in short bursts. */
export async function stallApi(name: string, ms: number): Promise<void> {
  const pod = await podNamed(name, app);
  const turns = Math.ceil(ms / 300);
  await onNode(
    nodeOf(pod),
    `${findNode(pod)}trap 'kill -CONT $pid' EXIT
for turn in $(seq ${turns}); do kill -STOP $pid; sleep 0.27; kill -CONT $pid; sleep 0.01; done`,
  );
}

/** A volume that is temporarily on a separate disk, with little more room than the volume's contents need. */
export interface SmallDisk {
  /** Fills the disk completely; again, if something has been deleted from it since. */
  fill(): Promise<void>;
  /** Moves the volume back and recreates the pod. */
  end(): Promise<void>;
}

/**
 * Moves the volume of a pod's Redis onto a small disk, and restarts Redis there. No acknowledged write can be lost by
 * the move: the process is suspended while its files are copied, and not running while they are copied back. Works only
 * for a volume that is a folder on its node, because the pod must stay on that node.
 */
export async function smallDisk(name: string, claim: string): Promise<SmallDisk> {
  const pod = await podNamed(name, app);
  const node = nodeOf(pod);
  const volume = (await kube.get("pvc", claim, app))?.spec?.["volumeName"] as string;
  const spec = (await kube.get("pv", volume))?.spec as Record<string, { path: string } | undefined>;
  const folder = (spec["hostPath"] ?? spec["local"])?.path;
  if (!folder) throw new Error(`volume ${volume} is not a folder on its node, so it cannot be moved to a small disk`);
  const host = "nsenter -t $shim -m --";
  await onNode(
    node,
    `${FIND_SHIM}${findRedis(pod)}kill -STOP $pid
size=$(( $(${host} du -sk ${folder} | cut -f 1) + ${SMALL_ROOM_KB} ))
${host} mkdir -p ${SMALL}
${host} mount -t tmpfs -o size=\${size}k tmpfs ${SMALL}
${host} cp -a ${folder}/. ${SMALL}/
${host} chown --reference=${folder} ${SMALL}
${host} chmod --reference=${folder} ${SMALL}
${host} mount --bind ${SMALL} ${folder}
kill -KILL $pid`,
  );
  const end = trackUndo(async () => {
    await kube.raw(["cordon", node]);
    try {
      // after a failure, the pod may have been deleted already
      await kube.raw(["-n", app, "delete", "pod", name, "--ignore-not-found"], { timeoutMs: 120_000 });
      await onNode(
        node,
        `${FIND_SHIM}${host} rm -f ${SMALL}/e2e-filler
${host} umount ${folder}
${host} sh -c 'rm -rf ${folder}/* && cp -a ${SMALL}/. ${folder}/'
${host} umount ${SMALL}`,
      );
    } finally {
      await kube.raw(["uncordon", node]);
    }
  });
  await eventually("Redis to run on the small disk", 90, async () => {
    await onNode(node, `${findRedis(await podNamed(name, app))}grep -q ' /data tmpfs' /proc/$pid/mounts`);
    return true;
  });
  return {
    fill: async () =>
      void (await onNode(
        node,
        `${FIND_SHIM}${host} dd if=/dev/zero of=${SMALL}/e2e-filler bs=64k count=4096 oflag=append conv=notrunc 2>/dev/null || true`,
      )),
    end,
  };
}
