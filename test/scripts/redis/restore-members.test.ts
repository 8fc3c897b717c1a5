/** A restore reaches every member or none. The pods are folders; the cluster's commands run in them. */
import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import type { Kube, KubeObject } from "../../../scripts/cluster/kubectl";
import { disarm, newId, recordsOf, swap } from "../../../scripts/redis/restore-members";
import type { Step } from "../../../scripts/terminal/ui";
import { writePod } from "../../helpers/redis-pod";

const PODS = ["redis-main-0", "redis-main-1", "redis-main-2"];
const step = { doing: () => undefined } as unknown as Step;

describe("a restore of three members", () => {
  let dir: string;
  /** Commands in a pod, in order; `fails` chooses the one that fails. */
  let calls: string[];
  let fails: (call: string, n: number) => boolean;
  /** Why main does not make its promise, if it refuses. */
  let refusal: string | undefined;
  /** The members' records at each query. */
  let records: string[][];
  /** The records after main has made its promise to the restore with this id. */
  let onSeal: (id: string) => string[][];
  beforeEach(() => {
    dir = fs.mkdtempSync(path.join(os.tmpdir(), "iacproject-restore-"));
    refusal = undefined;
    [calls, fails, records] = [[], () => false, [Array<string>(3).fill("3 8 3 2")]];
    onSeal = () => [Array<string>(3).fill("0 0 0 3")];
    for (const pod of PODS) {
      writePod(path.join(dir, pod));
      fs.mkdirSync(path.join(dir, pod, "data/restore"), { recursive: true });
      fs.writeFileSync(path.join(dir, pod, "data/restore/incoming.rdb"), "snapshot");
    }
  });
  afterEach(() => fs.rmSync(dir, { recursive: true, force: true }));

  const files = (pod: string) => fs.readdirSync(path.join(dir, pod, "data/restore")).sort();
  const raw = (args: readonly string[]) => {
    if (args.includes("delete")) {
      calls.push("delete");
      return fails("delete", calls.length) ? Promise.reject(new Error("delete failed")) : Promise.resolve("");
    }
    const pod = args.find((arg) => PODS.includes(arg))!;
    const command = args.at(-1)!;
    if (command.includes("GET commit")) {
      const record = records[0]![PODS.indexOf(pod)];
      // the last pod is queried last
      if (pod === PODS.at(-1) && records.length > 1) records.shift();
      return Promise.resolve(`${record}\n`);
    }
    if (command.includes("INFO replication")) return Promise.resolve(`role:${pod === PODS[1] ? "master" : "slave"}\n`);
    const [, name, id = ""] = /restore\.sh (\w+) (\d+)/.exec(command) ?? [];
    if (name) calls.push(`${pod} ${name}`);
    if (name && fails(calls.at(-1)!, calls.length)) return Promise.reject(new Error(`${calls.at(-1)} failed`));
    if (name === "seal" && refusal) return Promise.reject(new Error(refusal));
    if (name === "seal") records = onSeal(id);
    if (name && name !== "arm") return Promise.resolve("");
    const script = command
      .replaceAll("/etc/redis", path.join(dir, pod, "etc"))
      .replaceAll("/data", path.join(dir, pod, "data"))
      .replace(/;[^;]*UNPAUSE/, "");
    const { status, stderr } = spawnSync("sh", ["-c", script], { encoding: "utf8" });
    return status === 0 ? Promise.resolve("") : Promise.reject(new Error(stderr));
  };
  const get = (_kind: string, name: string) =>
    Promise.resolve({
      metadata: { name },
      status: {
        phase: "Running",
        conditions: [{ type: "Ready", status: "True" }],
        containerStatuses: [{ name: "redis", lastState: { terminated: { message: "Not started: long ago" } } }],
      },
    } as unknown as KubeObject);
  const list = () => Promise.all(PODS.map((pod) => get("pod", pod)));
  const kube = { config: { namespaces: { app: "shop" } }, raw, get, list } as unknown as Kube;
  const run = (pods = PODS) => swap(kube, pods, records[0]!, 3, step);
  const SNAPSHOT = ["next.generation", "next.id", "next.rdb"];

  it("begins once each has its snapshot, with one promise of main", async () => {
    await run();
    expect(calls).toEqual([...PODS.map((pod) => `${pod} arm`), `${PODS[1]} seal`]);
    for (const pod of PODS) expect([pod, files(pod)]).toEqual([pod, SNAPSHOT]);
  });

  it.each([1, 2, 3])("leaves no snapshot on any member if its step %i fails", async (n) => {
    fails = (_, call) => call === n;
    await expect(run()).rejects.toThrow("failed");
    for (const pod of PODS) expect(files(pod).filter((name) => name.startsWith("next."))).toEqual([]);
    expect(calls.at(-1)).toContain("arm");
  });

  it("leaves every snapshot where it is if main may have made the promise, because no write is confirmed without one", async () => {
    fails = (call) => call.includes("seal");
    await expect(run()).rejects.toThrow("did not confirm that the restore has begun");
    for (const pod of PODS) expect(files(pod)).toEqual(SNAPSHOT);
  });

  it("leaves no snapshot on any member if main has refused, as after another restore", async () => {
    refusal = "main refused: another restore has taken place: 0 0 0 3";
    await expect(run()).rejects.toThrow("redis-main-1 refused the restore, because another restore has taken place");
    for (const pod of PODS) expect(files(pod)).toEqual([]);
  });

  it("waits until another member has stored the promise, and until all have the restored data", async () => {
    onSeal = (id) => {
      const sealed = `3 9 ${id} 2`;
      return [
        ["3 8 3 2", sealed, "3 8 3 2"],
        [sealed, sealed, ""],
        ["0 0 0 3", "0 0 0 3", sealed],
        ["0 0 0 3", "0 0 0 3", "0 0 0 3"],
      ];
    };
    await run();
    expect(records).toEqual([["0 0 0 3", "0 0 0 3", "0 0 0 3"]]);
  }, 20_000);

  it("needs no promise with a single main, which accepts no writes before its pod is deleted", async () => {
    records = [["0 0 0 3"]];
    await run([PODS[0]!]);
    expect(calls).toEqual(["redis-main-0 arm", "redis-main-0 hold", "delete"]);
  });

  it.each([1, 2, 3])("of a single main leaves no snapshot if its step %i fails", async (n) => {
    fails = (_, call) => call === n;
    await expect(run([PODS[0]!])).rejects.toThrow("failed");
    expect(files(PODS[0]!).filter((name) => name.startsWith("next."))).toEqual([]);
  });

  it("reports pods of an earlier version", async () => {
    for (const pod of PODS) fs.rmSync(path.join(dir, pod, "etc/restore.sh"));
    await expect(run()).rejects.toThrow("earlier version");
  });

  it("does not begin if a member's record is unknown, as while Redis loads its data", async () => {
    records = [["3 8 3 2", "LOADING Redis is loading the dataset in memory", "3 8 3 2"]];
    await expect(recordsOf(kube, PODS)).rejects.toThrow("redis-main-1 did not report its commit record: LOADING");
    records = [["3 8 3 2", "", "3 8 3"]];
    expect(await recordsOf(kube, PODS)).toEqual(records[0]);
  });

  it("is not undone by a member that does not answer", async () => {
    fs.rmSync(path.join(dir, "redis-main-1"), { recursive: true });
    await disarm(kube, PODS);
    expect(files("redis-main-2")).toEqual([]);
  });
});

describe("the id of a restore", () => {
  it("is greater than any epoch, than that of an earlier restore, and exact in Redis' scripts", () => {
    expect(newId(["3 8 30", ""], 5)).toBe(1e15);
    expect(newId(["3 8 1900000000000000 2"], 1.8e12)).toBe(1900000000000001);
    const id = newId([""]);
    expect(id).toBeGreaterThan(Date.now() * 1000 - 60e6);
    expect(Number.isSafeInteger(id)).toBe(true);
  });
});
