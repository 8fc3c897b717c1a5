/** `npm run restore -- FILE`: restarts main (primary) from a snapshot. The previous data is kept on main's volume. */
import { createHash } from "node:crypto";
import * as fs from "node:fs";
import * as path from "node:path";
import { loadConfig } from "../../config";
import { WORKLOAD_NAME } from "../../catalog/workloads";
import { maxPods } from "../../modules/kubernetes/sizing";
import { chooseCluster } from "../cluster/choose-cluster";
import type { Kube } from "../cluster/kubectl";
import { checkSnapshot } from "../redis/rdb-check";
import { inRedis, mainPod, redisCli, redisPods } from "../redis/pods";
import { upload } from "../redis/file-transfer";
import { disarm, FOLDER, generationOf, INCOMING, READY_MS, recordsOf, swap } from "../redis/restore-members";
import { confirm, Failure, inStep, isInteractive, say, type Step } from "../terminal/ui";

export async function restore(file: string, options: { yes: boolean }): Promise<void> {
  // check the file before asking the user
  const { bytes, version } = checkSnapshot(file, "Use a complete snapshot, such as one from npm run backup.");
  const config = loadConfig();
  const size = `${(bytes / 1e6).toFixed(1)} MB`;
  const action = `Replace all keys with those of ${path.basename(file)} (${size}) on`;
  const kube = await chooseCluster(config, { action, yes: options.yes });
  const before = await redisCli(kube, await mainPod(kube), "DBSIZE");
  // without a configured cluster, chooseCluster has already prompted the user
  if (config.clusterIsNamed && !options.yes && before !== "0" && isInteractive()) {
    if (!(await confirm(`${action} ${await kube.describe()}? It has ${before} keys now.`)))
      throw new Failure("Nothing was changed.");
  }
  // every member of the Sentinel group gets it, because any of them may become main
  const pods = (await redisPods(kube)).map((p) => p.metadata.name).filter(isMain);
  checkMembers(pods, maxPods(config, "redis-main"));
  let keys = 0;
  await inStep("upload", async (step) => {
    for (const pod of pods)
      keys = await bring(kube, pod, file, version, step).catch((e: Error) => giveUp(kube, pods, e));
    return `${size}, ${keys} keys, verified by redis-check-rdb`;
  });
  const records = await recordsOf(kube, pods).catch((e: Error) => giveUp(kube, pods, e));
  await inStep("main", (step) => swap(kube, pods, records, nextGeneration(records), step));
  await inStep("replicas", (step) => follow(kube, step));
  const now = await redisCli(kube, await mainPod(kube), "DBSIZE");
  say(`${now} keys now, ${before} before. The snapshot has ${keys}, including keys that have expired since.`);
  say(`The previous data is kept in ${FOLDER}/before on main's volume until the next restore.`);
}

/**
 * The generation of the restored data: above that of every member, so that one that keeps its old data takes a copy.
 *
 * @param records commit records, as in modules/redis/scripts/history.sh; empty for a member without one
 */
export function nextGeneration(records: readonly string[]): number {
  return 1 + Math.max(0, ...records.map(generationOf));
}

/** @throws if a member is not running: with its old data it would be ahead of the snapshot, and could become main */
export function checkMembers(running: readonly string[], members: number): void {
  const wanted = Array.from({ length: members }, (_, i) => `${WORKLOAD_NAME["redis-main"]}-${i}`);
  const absent = wanted.filter((pod) => !running.includes(pod));
  if (absent.length === 0) return;
  throw new Failure(
    `${absent.join(", ")} is not running, and would keep its old data; nothing was changed.`,
    "Wait until every Redis main is Ready, then restore: npm run status",
  );
}

async function giveUp(kube: Kube, pods: readonly string[], error: Error): Promise<never> {
  await disarm(kube, pods);
  throw error;
}

const isMain = (pod: string): boolean => pod.startsWith(`${WORKLOAD_NAME["redis-main"]}-`);

/** Copies the file to main's volume and verifies it there; returns its number of keys. */
async function bring(kube: Kube, pod: string, file: string, version: number, step: Step): Promise<number> {
  await upload(kube, pod, `mkdir -p ${FOLDER} && cat >${INCOMING}`, file, (bytes) =>
    step.doing(`${pod}: ${(bytes / 1e6).toFixed(1)} MB`),
  );
  step.doing(`${pod}: checking`);
  const sum = createHash("sha256");
  for await (const chunk of fs.createReadStream(file)) sum.update(chunk as Buffer);
  const [uploaded] = (await inRedis(kube, pod, `sync && sha256sum ${INCOMING}`, { timeoutMs: 300_000 })).split(" ");
  if (uploaded !== sum.digest("hex"))
    throw new Failure(
      `The copy of the file on ${pod} has another checksum; nothing was changed.`,
      `Try again: npm run restore -- ${file}`,
    );
  const seen = await inRedis(kube, pod, `redis-check-rdb ${INCOMING} || true`, { timeoutMs: 600_000 });
  if (seen.includes("RDB looks OK")) return Number(/(\d+) keys read/.exec(seen)?.[1] ?? 0);
  const why = seen.trim().split("\n").at(-1);
  throw new Failure(
    `This Redis cannot read the snapshot (format ${version}): ${why}; nothing was changed.`,
    "Use a snapshot of the same Redis version or an older one.",
  );
}

/** Waits until every replica has copied the restored data from main. */
async function follow(kube: Kube, step: Step): Promise<string> {
  const end = Date.now() + READY_MS;
  // the replication id identifies the data of this start of main
  const history = (info: string) => /^master_replid:(\w+)/m.exec(info)?.[1];
  for (;;) {
    // read it each time, because main changes its id when the first replica connects
    const wanted = history(await redisCli(kube, await mainPod(kube), "INFO", "replication"));
    const pods = (await redisPods(kube)).map((p) => p.metadata.name).filter((p) => !isMain(p));
    const infos = await Promise.all(
      pods.map((pod) => redisCli(kube, pod, "INFO", "replication").catch((e: Error) => e.message)),
    );
    const linked = infos.filter((i) => /^master_link_status:up/m.test(i) && history(i) === wanted);
    if (pods.length > 0 && linked.length === pods.length) return `${pods.length} have the restored data`;
    if (Date.now() > end) {
      throw new Failure(
        `Only ${linked.length} of ${pods.length} replicas have the restored data after ${READY_MS / 60_000} minutes.`,
        "See: npm run logs -- redis-replicas",
      );
    }
    step.doing(`${linked.length} of ${pods.length} have the restored data`);
    await new Promise((resolve) => setTimeout(resolve, 1000));
  }
}
