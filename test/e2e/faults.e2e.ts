/** Tier `faults`: losing a volume, restoring a backup, and a flood of requests that must not affect Redis. */
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { startLoad } from "./helpers/load";
import { removeAfterFailure, step } from "./helpers/steps";
import {
  app,
  eventually,
  expectNoDeployment,
  forward,
  isReady,
  kube,
  workloadPods,
  npmRunWith,
  redis,
} from "./helpers/system";

const settings = { IAC_OBSERVABILITY: "none", IAC_NAMESPACES_QUOTA: "true", IAC_REDIS_STALE_SECONDS: "600" };
const POD = "redis-main-0";
const PERMISSION = "redis-main-start-empty";

removeAfterFailure(settings);

const page = <T>(use: (address: string) => Promise<T>) => forward(app, "svc/react", 8080, use);
const write = (id: string, val: string) =>
  page(async (address) => {
    const response = await fetch(`${address}/api/item`, { method: "POST", body: new URLSearchParams({ id, val }) });
    return response.status;
  });
const read = (id: string) =>
  page(async (address) => {
    const response = await fetch(`${address}/api/item?id=${id}`);
    return response.ok ? response.text() : `status ${response.status}`;
  });
const main = () => kube.get("pod", POD, app);

step("the system is up and holds data", async () => {
  await expectNoDeployment();
  expect((await npmRunWith(settings, "up")).code).toBe(0);
  expect(await write("precious", "kept")).toBe(200);
  await eventually("the replicas to have it", 30, async () => ((await read("precious")) === "kept" ? true : undefined));
});

step(
  "a backup is restored on main and its replicas; a damaged one is rejected, which leaves the data unchanged",
  async () => {
    const dir = fs.mkdtempSync(path.join(os.tmpdir(), "e2e-backup-"));
    const file = path.join(dir, "backup.rdb");
    const run = (name: string, ...args: string[]) => npmRunWith(settings, name, ...args, "--yes");
    const made = await run("backup", "--out", file);
    expect([made.code, made.output]).toEqual([0, expect.stringMatching(/complete, checksum verified/)]);
    // it never overwrites an existing backup
    expect((await run("backup", "--out", file)).code).not.toBe(0);
    expect([await write("precious", "changed"), await write("later", "1")]).toEqual([200, 200]);

    const bytes = fs.readFileSync(file);
    const damaged = path.join(dir, "damaged.rdb");
    for (const wrong of [bytes.subarray(0, bytes.length - 3), Buffer.from(bytes).fill("x", 20, 24)]) {
      fs.writeFileSync(damaged, wrong);
      const { code, output } = await run("restore", damaged);
      expect([code, output]).toEqual([1, expect.stringMatching(/nothing was changed/)]);
    }
    await eventually("the change to be read", 30, async () =>
      (await read("precious")) === "changed" ? true : undefined,
    );

    const { code, output } = await run("restore", file);
    expect([code, output]).toEqual([0, expect.stringMatching(/1 keys now, 2 before/)]);
    // read from the replicas, all of which follow main
    expect([await read("precious"), await read("later")]).toEqual(["kept", "status 404"]);
    expect(await redis(POD, "EXISTS", "later")).toMatch(/^0/);
    fs.rmSync(dir, { recursive: true });
  },
);

step("scheduled backups are created, and the latest one is restored", async () => {
  const scheduled = { ...settings, IAC_REDIS_BACKUP_SCHEDULE: "* * * * *", IAC_REDIS_BACKUP_KEEP: "2" };
  expect((await npmRunWith(scheduled, "up")).code).toBe(0);
  expect((await npmRunWith(scheduled, "diff")).code).toBe(0);
  const found = await eventually("backups", 300, async () => {
    const done = (await kube.list("jobs", "-n", app)).filter((job) => job.status?.succeeded);
    if (!done.some((job) => job.metadata.name.startsWith("redis-backup-"))) throw new Error("no job has succeeded");
    const { output } = await npmRunWith(scheduled, "backup", "--list", "--yes");
    const names = output.match(/^\S+Z\.rdb/gm) ?? [];
    return names.length === 2 ? names : undefined;
  });
  console.log(found);
  expect(await write("precious", "changed")).toBe(200);
  const file = path.join(os.tmpdir(), `e2e-${process.pid}.rdb`);
  const fetched = await npmRunWith(scheduled, "backup", "--fetch", found.at(-1)!, "--out", file, "--yes");
  expect([fetched.code, fetched.output]).toEqual([0, expect.stringContaining("checksum verified")]);
  expect((await npmRunWith(scheduled, "restore", file, "--yes")).code).toBe(0);
  expect(await read("precious")).toBe("kept");
  fs.rmSync(file);
  // no backups are left after scheduling is turned off
  expect((await npmRunWith(settings, "up")).code).toBe(0);
  expect(await kube.list("cronjobs,pvc", "-n", app, "-l", "app.kubernetes.io/name=redis-backup")).toEqual([]);
});

step("while the API is flooded, Redis keeps answering quickly, and no container restarts", async () => {
  // at full speed, half of it writes, over four times as many connections as the API admits requests
  const flood = await startLoad(0, 60, { connections: 400, writes: 50 });
  try {
    await eventually("the flood to reach Redis", 60, async () =>
      Number(/instantaneous_ops_per_sec:(\d+)/.exec(await redis(POD, "INFO", "stats"))?.[1]) > 100 ? true : undefined,
    );
    // measured from a replica's pod: min, max and mean in ms, and the number of samples
    const raw = await kube.raw(
      [
        "-n",
        app,
        "exec",
        "redis-replicas-0",
        "-c",
        "redis",
        "--",
        "sh",
        "-c",
        "REDISCLI_AUTH=$(cat /run/secrets/redis/probe) timeout 25 redis-cli --user probe -h redis-main --latency --raw -i 20 || true",
      ],
      { timeoutMs: 40_000 },
    );
    const [min, max, mean, count] = raw.trim().split("\n").at(-1)!.split(" ").map(Number);
    console.log(
      `latency of Redis main while the API is flooded: ${mean} ms on average, ${min} to ${max} ms, ${count} samples`,
    );
    expect(count).toBeGreaterThan(300);
    expect(mean).toBeLessThan(25);
    expect(max).toBeLessThan(1000);
  } finally {
    const { sent, seen, seconds } = await flood.result();
    console.log(`flood: ${Math.round(sent / seconds)} requests a second, answers ${JSON.stringify(seen)}`);
    await flood.remove();
  }
  for (const pod of await workloadPods()) {
    const restarts = pod.status?.containerStatuses?.map((c: { restartCount: number }) => c.restartCount);
    expect([pod.metadata.name, restarts]).toEqual([pod.metadata.name, restarts.map(() => 0)]);
    expect([pod.metadata.name, isReady(pod)]).toEqual([pod.metadata.name, true]);
  }
});

step("a main whose process is killed restarts with its data, without intervention", async () => {
  const restarts = async () => (await main())?.status?.containerStatuses?.[0]?.restartCount as number;
  const before = await restarts();
  // process 1 ignores signals sent from inside the container; this command ends it without saving
  await redis(POD, "SHUTDOWN", "NOSAVE", "FORCE").catch(() => undefined);
  await eventually("main to be restarted", 60, async () => ((await restarts()) > before ? true : undefined));
  await eventually("writes to work", 60, async () => ((await write("after", "1")) === 200 ? true : undefined));
  expect(await read("precious")).toBe("kept");
});

step("a main with an empty volume does not start and reports why, and the replicas keep their data", async () => {
  await kube.raw(["-n", app, "delete", "pvc", `data-${POD}`, "--wait=false"]);
  await kube.raw(["-n", app, "delete", "pod", POD], { timeoutMs: 120_000 });
  const message = await eventually("main to refuse", 120, async () => {
    const status = (await main())?.status?.containerStatuses?.[0];
    const ended = status?.state?.terminated ?? status?.lastState?.terminated;
    return ended?.message ? (ended.message as string) : undefined;
  });
  console.log(message);
  expect(message).toMatch(/the volume is empty, but replica [\d.]+ holds \d+ keys, which an empty main would delete/);
  // long enough for several restarts
  await new Promise((resolve) => setTimeout(resolve, 30_000));
  expect((await main())?.status?.containerStatuses?.[0]?.ready).toBe(false);
  expect(await read("precious")).toBe("kept");
  expect(await write("lost", "1")).toBe(503);
});

step("`up` reports the reason, with the commands that start main empty", async () => {
  const { code, output } = await npmRunWith(settings, "up");
  expect(code).not.toBe(0);
  expect(output).toContain("the volume is empty, but replica");
  expect(output).toContain(`create configmap ${PERMISSION}`);
});

step("these commands start main empty", async () => {
  const status = (await main())?.status?.containerStatuses?.[0];
  const message = (status?.state?.terminated ?? status?.lastState?.terminated)?.message as string;
  const [, on] = /--from-literal=(on=[\d-]+)/.exec(message)!;
  await kube.raw(["-n", app, "create", "configmap", PERMISSION, `--from-literal=${on}`]);
  await kube.raw(["-n", app, "delete", "pod", POD], { timeoutMs: 120_000 });
  await eventually("writes to work", 120, async () => ((await write("fresh", "1")) === 200 ? true : undefined));
  await eventually("the replicas to follow", 60, async () =>
    (await read("precious")) === "status 404" ? true : undefined,
  );
});

step("the deployment is removed", async () => {
  expect((await npmRunWith(settings, "down", "--yes")).code).toBe(0);
});
