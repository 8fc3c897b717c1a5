/** A Sentinel that never sleeps. Other processes take its place, and redis-cli records its input. */
import { type ChildProcess, spawn } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { writePod } from "../../../helpers/redis-pod";

const suite = process.platform === "linux" ? describe : describe.skip;

suite("the connections of a Sentinel", () => {
  let dir: string;
  const running: ChildProcess[] = [];
  beforeEach(() => {
    dir = fs.mkdtempSync(path.join(os.tmpdir(), "iacproject-watch-"));
    writePod(dir, {
      pool: ["10.0.0.1", "10.0.0.2", "10.0.0.3"],
      replace: { "EVERY=5": "EVERY=1", "BUSY=25": "BUSY=5" },
    });
    fs.mkdirSync(path.join(dir, "bin"));
    fs.writeFileSync(path.join(dir, "bin/redis-cli"), `#!/bin/sh\ncat >>${dir}/input\necho OK\n`, { mode: 0o755 });
  });
  afterEach(() => {
    for (const child of running.splice(0)) child.kill("SIGKILL");
    fs.rmSync(dir, { recursive: true, force: true });
  });
  const start = (command: string, ...args: string[]) => {
    const child = spawn(command, args, {
      env: { ...process.env, PATH: `${dir}/bin:${process.env["PATH"]}` },
      stdio: "ignore",
    });
    running.push(child);
    return child;
  };
  const watch = (sentinel: ChildProcess) => start("sh", path.join(dir, "etc/watch-sentinel.sh"), String(sentinel.pid));
  const input = () => (fs.existsSync(`${dir}/input`) ? fs.readFileSync(`${dir}/input`, "utf8") : "");
  const until = async (condition: () => boolean) => {
    for (let n = 0; n < 200 && !condition(); n++) await new Promise((resolve) => setTimeout(resolve, 100));
    expect(condition()).toBe(true);
  };

  it("are renewed, both those to Redis and those to other Sentinels, if it uses CPU time without ever sleeping", async () => {
    watch(start("sh", "-c", "while :; do :; done"));
    await until(() => input().includes("SENTINEL SET main auth-pass for-tests"));
    expect(input()).toContain("SENTINEL CONFIG SET sentinel-pass for-tests");
  }, 30_000);
  it("are left alone while it sleeps between its tasks", async () => {
    const sleeping = start("sh", "-c", "while :; do sleep 0.05; done");
    const watcher = watch(sleeping);
    await new Promise((resolve) => setTimeout(resolve, 4500));
    expect([input(), watcher.exitCode]).toEqual(["", null]);
    // a container's processes end together
    sleeping.kill("SIGKILL");
    await until(() => watcher.exitCode === 0);
  }, 30_000);
});
