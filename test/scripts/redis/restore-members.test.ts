/** A restore reaches every member or none. The pods are folders; the cluster's commands run in them. */
import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import type { Kube, KubeObject } from "../../../scripts/cluster/kubectl";
import { disarm, swap } from "../../../scripts/redis/restore-members";
import type { Step } from "../../../scripts/terminal/ui";

const PODS = ["redis-main-0", "redis-main-1", "redis-main-2"];
const step = { doing: () => undefined } as unknown as Step;

describe("a restore of three members", () => {
  let dir: string;
  /** Commands in a pod, in order; `fails` chooses the one that fails. */
  let calls: string[];
  let fails: (call: string, n: number) => boolean;
  let deleted: boolean;
  beforeEach(() => {
    dir = fs.mkdtempSync(path.join(os.tmpdir(), "iacproject-restore-"));
    [calls, fails, deleted] = [[], () => false, false];
    for (const pod of PODS) {
      fs.mkdirSync(path.join(dir, pod, "restore"), { recursive: true });
      fs.writeFileSync(path.join(dir, pod, "restore/incoming.rdb"), "snapshot");
    }
  });
  afterEach(() => fs.rmSync(dir, { recursive: true, force: true }));

  const files = (pod: string) => fs.readdirSync(path.join(dir, pod, "restore")).sort();
  const raw = (args: readonly string[]) => {
    if (args.includes("delete")) {
      calls.push("delete");
      if (fails("delete", calls.length)) return Promise.reject(new Error("delete failed"));
      deleted = true;
      return Promise.resolve("");
    }
    const pod = args.find((arg) => PODS.includes(arg))!;
    const command = args.at(-1)!;
    if (command.includes("GET commit")) return Promise.resolve("0 0 0 3\n");
    const removes = command.includes("rm -f next.committed next.rdb");
    if (!removes) calls.push(`${pod} ${command.includes(">next.committed") ? "mark" : "arm"}`);
    if (!removes && fails(calls.at(-1)!, calls.length)) return Promise.reject(new Error(`${calls.at(-1)} failed`));
    const { status, stderr } = spawnSync("sh", ["-c", command.replaceAll("/data", path.join(dir, pod))], {
      encoding: "utf8",
    });
    return status === 0 ? Promise.resolve("") : Promise.reject(new Error(stderr));
  };
  const get = (_kind: string, name: string) =>
    Promise.resolve({
      metadata: { name, uid: `${name} ${deleted ? "new" : "old"}` },
      status: { conditions: [{ type: "Ready", status: "True" }] },
    } as unknown as KubeObject);
  const kube = { config: { namespaces: { app: "shop" } }, raw, get } as unknown as Kube;
  const run = () => swap(kube, PODS, 3, step);

  it("marks no member before each has its snapshot, and restarts none before each has its mark", async () => {
    await run();
    expect(calls).toEqual([...PODS.map((pod) => `${pod} arm`), ...PODS.map((pod) => `${pod} mark`), "delete"]);
    for (const pod of PODS) {
      expect(files(pod)).toEqual(["next.committed", "next.generation", "next.id", "next.rdb"]);
      const [mark, id] = ["next.committed", "next.id"].map((name) =>
        fs.readFileSync(path.join(dir, pod, "restore", name), "utf8"),
      );
      expect(mark).toBe(id);
    }
  });

  it.each([1, 2, 3, 4, 5, 6, 7])("leaves no snapshot on any member if its step %i fails", async (n) => {
    fails = (_, call) => call === n;
    await expect(run()).rejects.toThrow("failed");
    for (const pod of PODS) expect([pod, files(pod)]).toEqual([pod, []]);
  });

  it("does not confirm an earlier snapshot with the mark of a later restore", async () => {
    for (const pod of PODS) {
      fs.writeFileSync(path.join(dir, pod, "restore/next.committed"), "earlier\n");
    }
    fails = (call) => call === "redis-main-2 arm";
    const before = calls.length;
    await expect(run()).rejects.toThrow("failed");
    expect(calls.slice(before)).not.toContain("redis-main-0 mark");
    expect(files("redis-main-0")).toEqual([]);
  });

  it("is not undone by a member that does not answer", async () => {
    fs.rmSync(path.join(dir, "redis-main-1"), { recursive: true });
    await disarm(kube, PODS);
    expect(files("redis-main-2")).toEqual([]);
  });
});
