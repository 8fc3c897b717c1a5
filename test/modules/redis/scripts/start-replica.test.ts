/** The start of a read replica, with real redis-server processes. Needs Linux, where all of 127.0.0.0/8 is local. */
import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { hasRedis, PASSWORD, writePod } from "../../../helpers/redis-pod";

const possible = hasRedis && process.platform === "linux";
if (!possible) console.warn("SKIPPED: the start of a read replica: needs redis-server, and Linux");
const suite = possible ? describe : describe.skip;

suite("a read replica", () => {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), "iacproject-replica-"));
  const port = 23379 + (process.pid % 1000);
  const children: ChildProcess[] = [];
  const background = (...command: string[]) => {
    const child = spawn(command[0]!, command.slice(1), {
      cwd: dir,
      env: { PATH: process.env["PATH"], FOLLOW_SECONDS: "0.2" },
      stdio: "ignore",
      // its own process group, because the script also starts a watcher
      detached: true,
    });
    children.push(child);
    return child;
  };
  const main = (address: string) =>
    background(
      "redis-server",
      ...["--bind", address, "--port", String(port), "--save", "", "--repl-diskless-sync-delay", "0"],
      ...["--user", "admin", "on", `>${PASSWORD}`, "~*", "&*", "+@all"],
      ...["--user", "replication", "on", `>${PASSWORD}`, "+psync", "+replconf", "+ping"],
    );
  /** Starts a replica whose own address is this one; `address` is the content of the file with main's. */
  const replica = (own: string, address: string) => {
    const pod = path.join(dir, own);
    // nothing resolves redis-main here; the replica's own commands go to its own address
    writePod(pod, { replace: { "6379": String(port), "127.0.0.1": own } });
    fs.writeFileSync(path.join(pod, "etc", "main"), address);
    background("sh", path.join(pod, "etc", "start-replica.sh"), "--bind", own);
    return path.join(pod, "etc", "main");
  };
  const cli = (address: string, ...command: string[]) =>
    spawnSync("redis-cli", ["-h", address, "-p", String(port), "--user", "admin", ...command], {
      env: { PATH: process.env["PATH"], REDISCLI_AUTH: PASSWORD },
      encoding: "utf8",
      timeout: 5_000,
    }).stdout.trim();
  const until = async (what: string, condition: () => boolean) => {
    for (let i = 0; i < 150 && !condition(); i++) await new Promise((resolve) => setTimeout(resolve, 100));
    expect([what, condition()]).toEqual([what, true]);
  };
  afterAll(() => {
    for (const child of children) {
      try {
        process.kill(-child.pid!, "SIGKILL");
      } catch {
        // one that could not start
      }
    }
    fs.rmSync(dir, { recursive: true, force: true });
  });

  it("follows main by address, without DNS, and follows a new address as soon as the file contains it", async () => {
    main("127.0.4.1");
    main("127.0.4.2");
    await until("both to run", () => ["127.0.4.1", "127.0.4.2"].every((at) => cli(at, "SET", "from", at) === "OK"));
    const file = replica("127.0.4.3", "127.0.4.1\n");
    await until("the copy", () => cli("127.0.4.3", "GET", "from") === "127.0.4.1");
    expect(cli("127.0.4.3", "INFO", "replication")).toContain("master_host:127.0.4.1");

    fs.writeFileSync(file, "127.0.4.2\n");
    await until("the other copy", () => cli("127.0.4.3", "GET", "from") === "127.0.4.2");
  }, 60_000);

  it("keeps the main that a Sentinel gave it", async () => {
    const file = replica("127.0.4.4", "127.0.4.1\n");
    await until("the copy", () => cli("127.0.4.4", "GET", "from") === "127.0.4.1");
    expect(cli("127.0.4.4", "REPLICAOF", "127.0.4.2", String(port))).toBe("OK");
    fs.writeFileSync(file, "127.0.4.9\n");
    await until("the other copy", () => cli("127.0.4.4", "GET", "from") === "127.0.4.2");
    await new Promise((resolve) => setTimeout(resolve, 1500));
    expect(cli("127.0.4.4", "INFO", "replication")).toContain("master_host:127.0.4.2");
  }, 60_000);

  it("uses main's name if there is no address, as in rendered manifests", async () => {
    replica("127.0.4.5", "CLUSTER-IP-OF-redis-main\n");
    // without an address, a replica answers slowly, which is why the address is used
    await until("its start", () => cli("127.0.4.5", "INFO", "replication").includes("master_host:redis-main"));
  }, 60_000);
});
