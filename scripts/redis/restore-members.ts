/**
 * Replaces the data of main, or of every member of the Sentinel group, with the snapshot on the volume. The end of this
 * process at any point leaves either the old data, or a restore that the pods complete by themselves
 * (modules/redis/scripts/restore.sh, guard-restore.sh and take-snapshot.sh; docs/decisions/0015-commit-record.md).
 *
 * First every volume gets the snapshot, which nothing uses yet. Then one command begins the restore. In a group, it makes
 * main promise that it confirms no more writes in this generation; once another member has stored the promise, their
 * guards restart them from the snapshot. A single main stops accepting writes and notes the state of its append-only
 * file; its next start uses the snapshot if that has not changed.
 */
import { randomInt } from "node:crypto";
import { isReady, type Kube, type KubeObject } from "../cluster/kubectl";
import { ADMIN_CLI, inRedis, mainPod, redisCli } from "./pods";
import { Failure, type Step } from "../terminal/ui";

/** Time for all members to start, ms. */
export const READY_MS = 10 * 60_000;
/** Time for two members to store that a restore has begun, ms. */
const BEGIN_MS = 60_000;
/** Folder on a member's volume; modules/redis/scripts/take-snapshot.sh reads it at start. */
export const FOLDER = "/data/restore";
/** The uploaded snapshot. */
export const INCOMING = `${FOLDER}/incoming.rdb`;

/** Part of a commit record: number of snapshots restored so far. */
export const generationOf = (record: string): number => Number(/^\d+ \d+ \d+ (\d+)$/.exec(record.trim())?.[1] ?? 0);

/** Part of a commit record: the greatest epoch promised, or the id of a restore. */
const promisedOf = (record: string): number => Number(/^\d+ \d+ (\d+)( \d+)?$/.exec(record.trim())?.[1] ?? 0);

/**
 * The id of a new restore: greater than any epoch and than the id of an earlier restore that has begun. It must fit into
 * a double, because Redis' scripts compare it.
 */
export const newId = (records: readonly string[], now = Date.now()): number =>
  Math.max(1e15, now * 1000 + randomInt(1000), ...records.map((record) => promisedOf(record) + 1));

/** @throws Failure if the pod's Redis does not reply with a record or with nothing, as while it loads its data */
async function recordOf(kube: Kube, pod: string): Promise<string> {
  const record = (await redisCli(kube, pod, "-n", "1", "GET", "commit")).trim();
  if (/^(\d+ \d+ \d+( \d+)?)?$/.test(record)) return record;
  throw new Failure(
    `${pod} did not report its commit record: ${record}. Nothing was changed.`,
    "Wait until every Redis main is Ready, then restore: npm run status",
  );
}

/** Commit record of each member; empty for one without a record. */
export const recordsOf = (kube: Kube, pods: readonly string[]): Promise<readonly string[]> =>
  Promise.all(pods.map((pod) => recordOf(kube, pod)));

/**
 * Removes an upload, and the snapshot of this restore, before the restore has begun. Never throws: nothing uses a
 * snapshot that stays behind.
 *
 * @param id of this restore; none before it has one. An earlier restore may have begun, and need its snapshot.
 */
export async function disarm(kube: Kube, pods: readonly string[], id?: number): Promise<void> {
  const files = ["next.committed", "next.rdb", "next.generation", "next.id"];
  const own = `if [ "$(cat next.id)" = ${id} ]; then rm -f ${files.join(" ")}; fi; ${ADMIN_CLI} CLIENT UNPAUSE`;
  const script = `cd ${FOLDER} && rm -f incoming.rdb${id === undefined ? "" : `; ${own}`}`;
  await Promise.all(pods.map((pod) => inRedis(kube, pod, script).catch(() => undefined)));
}

const COMPLETES =
  "If it has begun, it completes by itself as soon as two members reach each other. See: npm run status and npm run logs -- redis-main";

/**
 * Restarts all members, which load the uploaded snapshot. Works even if a pod is deleted in the meantime.
 *
 * @param records commit record of each member
 * @param generation of the restored data
 * @throws Failure if a member does not have the restored data; its text says whether it may get it later
 */
export async function swap(
  kube: Kube,
  pods: readonly string[],
  records: readonly string[],
  generation: number,
  step: Step,
): Promise<string> {
  const id = newId(records);
  const run = (pod: string, ...words: readonly (string | number)[]) =>
    inRedis(kube, pod, `sh /etc/redis/restore.sh ${words.join(" ")}`, { timeoutMs: 60_000 });
  try {
    for (const pod of pods) await run(pod, "arm", id, generation).catch(explain);
    step.doing("restarting");
    if (pods.length === 1) {
      const [pod = ""] = pods;
      await run(pod, "hold", id);
      await kube.raw(["-n", kube.config.namespaces.app, "delete", "pod", pod, "--grace-period=1"], {
        timeoutMs: 180_000,
      });
    }
  } catch (error) {
    await disarm(kube, pods, id);
    throw error;
  }
  if (pods.length > 1) await begin(kube, pods, id, generation, step, (main) => run(main, "seal", id));
  await restored(kube, pods, generation, step);
  return `${pods.join(", ")} started from the snapshot`;
}

/**
 * Begins the restore of a group. From the attempt on, the snapshots must stay: if the restore has begun, no write is
 * confirmed before a member has loaded one. Otherwise, the guards discard them.
 *
 * @param seal executed once, because guard-copy.sh relies on the fact that only one main makes this promise
 */
async function begin(
  kube: Kube,
  pods: readonly string[],
  id: number,
  generation: number,
  step: Step,
  seal: (main: string) => Promise<unknown>,
): Promise<void> {
  const main = await mainPod(kube).catch(async (error: Error) => {
    await disarm(kube, pods, id);
    throw error;
  });
  await seal(main).catch(async (error: Error) => {
    const refused = /main refused: (.*)/.exec(error.message)?.[1];
    if (refused !== undefined) {
      await disarm(kube, pods, id);
      throw new Failure(
        `${main} refused the restore, because ${refused}. Nothing was changed.`,
        "Run npm run restore again.",
      );
    }
    throw new Failure(`${main} did not confirm that the restore has begun: ${error.message}`, COMPLETES);
  });
  const stored = (record: string) => promisedOf(record) === id || generationOf(record) >= generation;
  for (const end = Date.now() + BEGIN_MS; ;) {
    const found = await Promise.all(pods.map((pod) => recordOf(kube, pod).catch(() => "")));
    if (found.filter(stored).length > 1) return;
    if (Date.now() > end)
      throw new Failure(`No other member than ${main} confirmed within ${BEGIN_MS / 1000} s.`, COMPLETES);
    step.doing(`waiting for a member to confirm ${main}'s promise`);
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
}

/** The pods of an earlier version cannot do the steps of this one. */
function explain(error: Error): never {
  if (!/restore\.sh['"]?: (No such file|the guard)/.test(error.message)) throw error;
  throw new Failure(
    "Redis' pods run an earlier version of this project; nothing was changed.",
    "Run npm run up, then restore again.",
  );
}

/** Why the container of Redis last ended, if it has left a message. */
const lastMessage = (pod: KubeObject | undefined): string | undefined => {
  const status = pod?.status?.containerStatuses?.find((c: { name: string }) => c.name === "redis");
  return ((status?.state?.terminated ?? status?.lastState?.terminated)?.message as string | undefined)?.trim();
};

/** Waits until every member is Ready and has the restored data. */
async function restored(kube: Kube, pods: readonly string[], generation: number, step: Step): Promise<void> {
  for (const end = Date.now() + READY_MS; ;) {
    const found = await Promise.all(pods.map((pod) => kube.get("pod", pod, kube.config.namespaces.app)));
    const records = await Promise.all(pods.map((pod) => recordOf(kube, pod).catch(() => "")));
    const waiting = pods.filter((_, i) => !found[i] || !isReady(found[i]) || generationOf(records[i]!) < generation);
    if (!waiting.length) return;
    // a message may be older than the restore, so it ends nothing, but it may explain the wait
    const reasons = waiting.map((pod) => [pod, lastMessage(found[pods.indexOf(pod)])].filter(Boolean).join(": "));
    if (Date.now() > end)
      throw new Failure(
        `${reasons.join("; ")}: no restored data within ${READY_MS / 60_000} minutes. A snapshot that is still on the volume may be used later.`,
        "See: npm run logs -- redis-main",
      );
    step.doing(`waiting for the restored data on ${reasons.join("; ")}`);
    await new Promise((resolve) => setTimeout(resolve, 1000));
  }
}
