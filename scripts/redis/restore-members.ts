/**
 * Restarts every member from a snapshot that is on its volume, or none of them: a member that took it alone would
 * have the greatest generation, and so replace everything that the others have acknowledged since.
 *
 * First every member gets the snapshot; only then, a mark with this restore's id; only then, all restart. A member uses
 * a snapshot only with its mark, and not while another member runs with older data (scripts/take-snapshot.sh and
 * start-member.sh of modules/redis). So neither a failure nor the end of this process at any point leaves a member
 * that replaces the data later.
 */
import { randomUUID } from "node:crypto";
import { isReady, type Kube, type KubeObject } from "../cluster/kubectl";
import { inRedis, redisCli } from "./pods";
import { Failure, type Step } from "../terminal/ui";

/** Time for all members to start, ms. */
export const READY_MS = 10 * 60_000;
/** Time for members that are Ready to follow one with the snapshot, ms. */
const SAME_MS = 60_000;
/** Folder on a member's volume; modules/redis/scripts/take-snapshot.sh reads it at start. */
export const FOLDER = "/data/restore";
/** The uploaded snapshot. */
export const INCOMING = `${FOLDER}/incoming.rdb`;

/** Part of a commit record: number of snapshots restored so far. */
export const generationOf = (record: string): number => Number(/^\d+ \d+ \d+ (\d+)$/.exec(record.trim())?.[1] ?? 0);

const recordOf = (kube: Kube, pod: string): Promise<string> => redisCli(kube, pod, "-n", "1", "GET", "commit");

/** Commit record of each member; empty for one without a record. */
export const recordsOf = (kube: Kube, pods: readonly string[]): Promise<readonly string[]> =>
  Promise.all(pods.map((pod) => recordOf(kube, pod)));

/** Removes a snapshot that no member has used yet. Never throws: a member without this restore's mark does not use it. */
export async function disarm(kube: Kube, pods: readonly string[]): Promise<void> {
  const files = ["next.committed", "next.rdb", "next.generation", "next.id", "incoming.rdb"];
  const script = `cd ${FOLDER} 2>/dev/null && rm -f ${files.join(" ")}`;
  await Promise.all(pods.map((pod) => inRedis(kube, pod, script).catch(() => undefined)));
}

/**
 * Restarts all members, which load the uploaded snapshot. Works even if the volume is full or a pod is deleted in the
 * meantime.
 *
 * @param generation of the restored data
 * @throws Failure if a member has not started from it; then no member will
 */
export async function swap(kube: Kube, pods: readonly string[], generation: number, step: Step): Promise<string> {
  const { app } = kube.config.namespaces;
  const old = new Map<string, string | undefined>();
  for (const pod of pods) old.set(pod, uidOf(await kube.get("pod", pod, app)));
  const id = randomUUID();
  const arm = [
    `cd ${FOLDER}`,
    "rm -f next.committed",
    `echo ${generation} >next.generation`,
    `echo ${id} >next.id`,
    "mv incoming.rdb next.rdb",
    "touch next.rdb",
    "sync",
  ].join(" && ");
  const mark = `cd ${FOLDER} && [ "$(cat next.id)" = ${id} ] && touch -c next.rdb && [ -s next.rdb ] && echo ${id} >next.committed && sync`;
  try {
    for (const pod of pods) await inRedis(kube, pod, arm);
    for (const pod of pods) await inRedis(kube, pod, mark);
    step.doing("restarting");
    // all at once, because a single one would not take it; without a graceful shutdown, because that would fail over to
    // another member
    await kube.raw(["-n", app, "delete", "pod", ...pods, "--grace-period=1"], { timeoutMs: 180_000 });
    await restarted(kube, pods, old, step);
    await sameData(kube, pods, generation, step);
  } catch (error) {
    await disarm(kube, pods);
    throw error;
  }
  return `${pods.join(", ")} started from the snapshot`;
}

const uidOf = (pod: KubeObject | undefined) => (pod?.metadata as { uid?: string } | undefined)?.uid;

async function restarted(
  kube: Kube,
  pods: readonly string[],
  old: ReadonlyMap<string, string | undefined>,
  step: Step,
): Promise<void> {
  const end = Date.now() + READY_MS;
  for (;;) {
    const found = await Promise.all(pods.map((pod) => kube.get("pod", pod, kube.config.namespaces.app)));
    const waiting = found.filter((pod, i) => !pod || uidOf(pod) === old.get(pods[i]!) || !isReady(pod));
    if (!waiting.length) return;
    for (const pod of found) {
      const status = pod?.status?.containerStatuses?.find((c: { name: string }) => c.name === "redis");
      const message = (status?.state?.terminated ?? status?.lastState?.terminated)?.message as string | undefined;
      if (message)
        throw new Failure(`${pod!.metadata.name} does not start: ${message.trim()}`, "See: npm run logs -- redis-main");
    }
    const names = pods.filter((_, i) => waiting.includes(found[i]));
    if (Date.now() > end) {
      const limit = `within ${READY_MS / 60_000} minutes`;
      throw new Failure(`${names.join(", ")} did not become Ready ${limit}.`, "See: npm run logs -- redis-main");
    }
    step.doing(`waiting for ${names.join(", ")} to be Ready`);
    await new Promise((resolve) => setTimeout(resolve, 1000));
  }
}

/** Waits until every member has the data of this restore. */
async function sameData(kube: Kube, pods: readonly string[], generation: number, step: Step): Promise<void> {
  for (const end = Date.now() + SAME_MS; ;) {
    const found = await Promise.all(pods.map((pod) => recordOf(kube, pod).catch(() => "")));
    const without = pods.filter((_, i) => generationOf(found[i]!) !== generation);
    if (!without.length) return;
    if (Date.now() > end) {
      throw new Failure(
        `${without.join(", ")} started without the snapshot: it was not on the volume any more, or another member still had older data.`,
        "See: npm run logs -- redis-main. Then try again.",
      );
    }
    step.doing(`waiting for the restored data on ${without.join(", ")}`);
    await new Promise((resolve) => setTimeout(resolve, 1000));
  }
}
