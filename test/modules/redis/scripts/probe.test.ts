/** The probe script against real redis-server processes. */
import { spawn, type ChildProcess } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { hasRedis, runScript, writePod } from "../../../helpers/redis-pod";

if (!hasRedis) console.warn("SKIPPED: Redis probes: redis-server is not installed");
const suite = hasRedis ? describe : describe.skip;

suite("the probes of a Redis pod", () => {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), "iacproject-redis-"));
  const children: ChildProcess[] = [];
  const [mainPort, replicaPort] = [26379 + (process.pid % 500) * 2, 26380 + (process.pid % 500) * 2];
  /** Returns a folder with the pod's files, for a Redis on this port. */
  const pod = (port: number) => {
    const folder = path.join(dir, String(port));
    if (!fs.existsSync(folder)) writePod(folder, { replace: { "6379": String(port) } });
    return folder;
  };
  const probe = (port: number, ...args: string[]) => {
    const { status, stdout } = runScript(pod(port), ["probe.sh", ...args]);
    return { ok: status === 0, output: stdout.trim() };
  };
  const start = (port: number, ...args: string[]) => {
    expect(runScript(pod(port), ["access.sh", "users"]).stderr).toBe("");
    const access = path.join(pod(port), "run");
    const child = spawn(
      "redis-server",
      [
        path.join(access, "replication.conf"),
        ...["--aclfile", path.join(access, "users.acl")],
        ...["--port", String(port), "--save", "", "--repl-diskless-sync-delay", "0", ...args],
      ],
      { cwd: dir, stdio: "ignore" },
    );
    children.push(child);
    return child;
  };
  const until = async (condition: () => boolean) => {
    for (let i = 0; i < 100 && !condition(); i++) await new Promise((resolve) => setTimeout(resolve, 100));
    expect(condition()).toBe(true);
  };
  afterAll(() => {
    for (const child of children) child.kill("SIGKILL");
    fs.rmSync(dir, { recursive: true, force: true });
  });

  it("report main as live and ready, a replica as ready once synced, and a stale replica as not ready", async () => {
    expect(probe(mainPort, "live")).toEqual({ ok: false, output: "no answer to PING" });
    const main = start(mainPort);
    await until(() => probe(mainPort, "live").ok);
    expect(probe(mainPort, "main").ok).toBe(true);
    expect(probe(mainPort, "replica", "60").output).toBe("role is 'master', not slave");

    start(replicaPort, "--replicaof", `127.0.0.1 ${mainPort}`);
    await until(() => probe(replicaPort, "replica", "60").ok);
    expect(probe(replicaPort, "main").output).toBe("role is 'slave', not master");

    main.kill("SIGKILL");
    await until(() => !probe(replicaPort, "replica", "0").ok);
    // a short restart of main does not make the replica unready
    expect(probe(replicaPort, "replica", "60").ok).toBe(true);
    expect(probe(replicaPort, "live").ok).toBe(true);
    expect(probe(replicaPort, "replica", "0").output).toMatch(/^link to main down for \d+ s, limit is 0 s$/);
  });

  it("report a replica that never synced as not ready", async () => {
    const port = replicaPort + 1000;
    start(port, "--replicaof", "127.0.0.1 1");
    await until(() => probe(port, "live").ok);
    expect(probe(port, "replica", "60").output).toBe("link to main down for -1 s, limit is 60 s");
  });

  it("never pass the password as an argument", () => {
    const text = fs.readFileSync(path.join(pod(mainPort), "etc", "probe.sh"), "utf8");
    expect(text).not.toMatch(/redis-cli[^|\n]*-a |REDISCLI_AUTH/);
  });
});
