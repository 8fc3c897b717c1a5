/** `npm run rotate`: changes the password of every Redis user, without interrupting clients. */
import { createHash, randomInt } from "node:crypto";
import { loadConfig } from "../../config";
import { GROUP_SIZE, WORKLOAD_NAME } from "../../catalog/workloads";
import { redisUserNames } from "../../modules/redis/users";
import { chooseCluster } from "../cluster/choose-cluster";
import type { Kube, KubeObject } from "../cluster/kubectl";
import { inRedis, redisPods } from "../redis/pods";
import { Failure, inStep, say, type Step } from "../terminal/ui";

const SECRET = "redis-users";
const NEXT = ".next";
const OLD = ".old";
/** Time to wait for mounted files, in ms; the kubelet updates them within a minute or two. */
const FILES_MS = 240_000;
const ROLLOUT_MS = 300_000;
const LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

/** Content of files, by name. */
type Files = Readonly<Record<string, string>>;

export const newPassword = (): string => Array.from({ length: 32 }, () => LETTERS[randomInt(LETTERS.length)]).join("");

/**
 * The Secret's content in each step of a rotation. Clients log in with the password in file USER; every instance
 * accepts a new password before it is written to that file. An interrupted rotation continues where it stopped.
 */
export function steps(
  held: Files,
  make: () => string = newPassword,
  wanted: readonly string[] = redisUserNames,
): readonly Files[] {
  // a Secret that was created before a user was added has no password for that user
  const missing = wanted.filter((user) => !held[user]).map((user) => [user, make()]);
  const files: Files = { ...held, ...(Object.fromEntries(missing) as Files) };
  const users = Object.keys(files).filter((name) => !name.endsWith(NEXT) && !name.endsWith(OLD));
  const each = (of: (user: string) => readonly (readonly [string, string])[]): Files =>
    Object.fromEntries(users.flatMap(of));
  if (users.some((user) => files[user + OLD])) return [files, each((user) => [[user, files[user]!]])];
  const made = new Map(users.map((user) => [user, files[user + NEXT] ?? make()]));
  return [
    each((user) => [
      [user, files[user]!],
      [user + NEXT, made.get(user)!],
    ]),
    each((user) => [
      [user, made.get(user)!],
      [user + OLD, files[user]!],
    ]),
    each((user) => [[user, made.get(user)!]]),
  ];
}

/** Checksum of the files; FINGERPRINT computes the same checksum in a pod. */
export const fingerprint = (files: Files): string =>
  createHash("sha256")
    .update(
      Object.entries(files)
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .map(([name, text]) => `${name} ${text}\n`)
        .join(""),
    )
    .digest("hex");
const FINGERPRINT = `cd /run/secrets/redis && LC_ALL=C; export LC_ALL; for f in *; do echo "$f $(cat "$f")"; done | sha256sum`;

export async function rotate(options: { yes: boolean }): Promise<void> {
  const config = loadConfig();
  const kube = await chooseCluster(config, { action: "Change the passwords of Redis on", yes: options.yes });
  const todo = [...steps((await read(kube)).files)];
  if (todo.length < 3) say("Continuing an interrupted rotation.");
  const last = todo.pop()!;
  const switched = todo.pop()!;
  const [both] = todo;
  if (both) {
    await inStep("new passwords", async (step) => {
      await write(kube, both);
      return `accepted by ${await reload(kube, both, step)}, together with the old ones`;
    });
  }
  await inStep("clients", async (step) => {
    await write(kube, switched);
    const count = await reload(kube, switched, step);
    for (const name of [WORKLOAD_NAME.node, WORKLOAD_NAME["redis-exporter"]]) {
      step.doing(`${name}: rolling restart`);
      const args = (...more: string[]) => ["-n", config.namespaces.app, "rollout", ...more, `deployment/${name}`];
      await kube.raw(args("restart"));
      await kube.raw([...args("status"), `--timeout=${ROLLOUT_MS / 1000}s`], { timeoutMs: ROLLOUT_MS + 10_000 });
    }
    return `use the new ones: ${count}, the API and the exporter`;
  });
  await inStep("old passwords", async (step) => {
    await write(kube, last);
    return `removed from ${await reload(kube, last, step)}`;
  });
}

async function read(kube: Kube): Promise<{ secret: KubeObject; files: Files }> {
  const secret = await kube.get("secret", SECRET, kube.config.namespaces.app);
  if (!secret)
    throw new Failure(
      `There is no Secret ${SECRET} in namespace ${kube.config.namespaces.app}.`,
      "Deploy it: npm run up",
    );
  const files = Object.fromEntries(
    Object.entries(secret.data ?? {}).map(([name, text]) => [name, Buffer.from(text, "base64").toString()]),
  );
  return { secret, files };
}

/**
 * Writes the Secret through standard input, because other users of this machine can see a program's arguments. Fails if
 * the Secret was changed in the meantime.
 */
async function write(kube: Kube, files: Files): Promise<void> {
  const { secret } = await read(kube);
  const data = Object.fromEntries(
    Object.entries(files).map(([name, text]) => [name, Buffer.from(text).toString("base64")]),
  );
  await kube.raw(["replace", "-f", "-"], { input: JSON.stringify({ ...secret, data }) });
}

/** Waits until every Redis pod, including new ones, has loaded these files. Returns their number, for output. */
async function reload(kube: Kube, files: Files, step: Step): Promise<string> {
  const wanted = fingerprint(files);
  const pool = kube.config.redis.durability === "ha";
  const done = new Set<string>();
  const end = Date.now() + FILES_MS;
  for (;;) {
    const pods = (await redisPods(kube)).map((pod) => pod.metadata.name);
    const left = pods.filter((pod) => !done.has(pod));
    if (pods.length > 0 && left.length === 0)
      return `${done.size} instances${pool ? ` and ${GROUP_SIZE} Sentinels` : ""}`;
    if (Date.now() > end) {
      throw new Failure(
        `${left.join(", ")} did not load the new passwords within ${FILES_MS / 60_000} minutes. Until they do, both the old and the new passwords work.`,
        "See: npm run status. Continue the rotation: npm run rotate",
      );
    }
    for (const pod of left) {
      step.doing(`${pod}: waiting for its files`);
      // changing an annotation makes the kubelet sync the pod's files at once
      const mark = `iacproject/passwords=${wanted.slice(0, 12)}`;
      await kube.raw(["-n", kube.config.namespaces.app, "annotate", "pod", pod, mark, "--overwrite"]);
      const seen = await inRedis(kube, pod, FINGERPRINT).catch(() => "");
      if (!seen.startsWith(wanted)) continue;
      await inRedis(kube, pod, "sh /etc/redis/reload-access.sh redis");
      if (pool && pod.startsWith(`${WORKLOAD_NAME["redis-main"]}-`)) {
        await inRedis(kube, pod, "sh /etc/redis/reload-access.sh sentinel", { container: "sentinel" });
      }
      done.add(pod);
    }
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
}
