/**
 * Before `redis.durability` changes from ha: removes redis-main-1 and -2 while redis-main-0 is main. The StatefulSet
 * would delete all members at once, and then redis-main-0 could hand over to one that is about to end. Its volume would
 * lack what that one acknowledged, so it would not start as a single main (start-main.sh). Now, when redis-main-0 is
 * replaced, no other member is left, and stop-member.sh stores that it was the last main.
 */
import { WORKLOAD_NAME } from "../../catalog/workloads";
import type { Kube } from "../cluster/kubectl";
import { inRedis, mainPod, redisCli, redisPods } from "./pods";
import { Failure } from "../terminal/ui";

const NAME = WORKLOAD_NAME["redis-main"];
const FIRST = `${NAME}-0`;
/** Field manager of the smaller size, until Terraform applies it too. */
const MANAGER = "iacproject-leave-group";
/** Where modules/redis/scripts/start-main.sh looks for the time at which this member was the last main. */
const OF_MEMBER = "/data/sentinel/of-member";
/** Time allowed for the other members to end, ms. */
const END_MS = 120_000;

interface Set {
  readonly metadata: { readonly managedFields?: readonly { readonly manager?: string }[] };
  readonly spec: {
    readonly replicas?: number;
    readonly template: { readonly spec: { readonly containers: readonly { readonly name: string }[] } };
  };
}

/**
 * @param onWait called before it waits for the other members to end
 * @param endMs time allowed for that
 * @returns whether a Sentinel group was left
 * @throws Failure if another member is main, or does not end
 */
export async function leaveGroup(
  kube: Kube,
  onWait: (text: string) => void = () => undefined,
  endMs = END_MS,
): Promise<boolean> {
  const { redis, namespaces } = kube.config;
  if (redis.durability === "ha") return false;
  const inApp = ["-n", namespaces.app];
  const [live] = await kube.list("statefulset", NAME, ...inApp, "--show-managed-fields");
  const set = live as unknown as Set | undefined;
  if (!set?.spec.template.spec.containers.some(({ name }) => name === "sentinel")) return false;
  // an earlier run has begun to remove the others
  const interrupted = set.spec.replicas === 1;
  if (!interrupted) await checkFirstIsMain(kube);
  await patch(kube, [{ op: "replace", path: "/spec/replicas", value: 1 }]);
  // otherwise a later change of the size would conflict with this one
  const value = (set.metadata.managedFields ?? []).filter(({ manager }) => manager !== MANAGER);
  await patch(kube, [{ op: "replace", path: "/metadata/managedFields", value }]);
  onWait("waiting for the other members of the Sentinel group to end");
  for (const end = Date.now() + endMs; ;) {
    const pods = await kube.list("pods", ...inApp, "-l", `app.kubernetes.io/name=${NAME}`);
    const left = pods.map((pod) => pod.metadata.name).filter((name) => name !== FIRST);
    if (!left.length) break;
    if (Date.now() > end) {
      throw new Failure(
        `${left.join(" and ")} did not end within ${endMs / 1000} s, and could become main.`,
        `If its node is lost, see docs/runbooks/PodOnLostNode.md. Then run npm run up again.`,
      );
    }
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
  const role = await roleOf(kube, FIRST);
  if (/^role:master\b/m.test(role)) {
    // stored at once, because a process that restarts now cannot become main without the others
    await inRedis(kube, FIRST, `date '+%s alone' >${OF_MEMBER} && sync ${OF_MEMBER}`);
    return true;
  }
  // its process has restarted since, and does not run without the others: start-main.sh decides
  if (interrupted && !/^role:/m.test(role)) return false;
  throw new Failure(
    `${FIRST} is no longer main, so its volume may lack writes that another member has.`,
    `Set redis.durability to ha again, and run npm run up; once ${FIRST} is main, change it again.`,
  );
}

/** @throws Failure unless redis-main-0 is main and the other members report that they are copies */
async function checkFirstIsMain(kube: Kube): Promise<void> {
  const { redis, namespaces } = kube.config;
  const main = await mainPod(kube).catch((error: Error) => {
    // all members would end at once, and redis-main-0 could hand over to one of them
    throw new Failure(
      `It is unknown which member is main, which a change from ha depends on: ${error.message} Nothing was changed.`,
      "See: npm run status and docs/runbooks/RedisMainDown.md. Then run npm run up again.",
    );
  });
  if (main !== FIRST) {
    throw new Failure(
      `${main} is main, but only the volume of ${FIRST} is used if redis.durability is ${redis.durability}. Nothing was changed.`,
      `Let it hand over, and repeat this until ${FIRST} is main: kubectl -n ${namespaces.app} delete pod ${main}. Then run npm run up again.`,
    );
  }
  const others = (await redisPods(kube)).map((pod) => pod.metadata.name);
  for (const pod of others.filter((name) => name.startsWith(`${NAME}-`) && name !== FIRST)) {
    // without its reply, it could be main
    if (!/^role:slave\b/m.test(await roleOf(kube, pod)))
      throw new Failure(`${pod} does not answer as a copy. Nothing was changed.`, "See: npm run logs -- redis-main");
  }
}

const roleOf = (kube: Kube, pod: string): Promise<string> =>
  redisCli(kube, pod, "INFO", "replication").catch((error: Error) => error.message);

const patch = (kube: Kube, operations: readonly object[]): Promise<string> =>
  kube.raw([
    ...["-n", kube.config.namespaces.app, "patch", "statefulset", NAME, `--field-manager=${MANAGER}`],
    ...["--type=json", "-p", JSON.stringify(operations)],
  ]);
