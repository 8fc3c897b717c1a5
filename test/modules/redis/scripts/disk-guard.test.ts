/** disk-guard.sh with a real Redis on a volume of bounded size: a tmpfs as root, otherwise a stand-in for `stat`. */
import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { randomBytes } from "node:crypto";
import * as fs from "node:fs";
import * as net from "node:net";
import * as os from "node:os";
import * as path from "node:path";
import { hasRedis, PASSWORD, runScript, writePod } from "../../../helpers/redis-pod";

if (!hasRedis) console.warn("SKIPPED: the guard of main's volume: redis-server is not installed");
const suite = hasRedis ? describe : describe.skip;

const MIB = 2 ** 20;
const MAX_MEMORY = 32 * MIB;
/** As small as possible: the data, its rewrite, the guard's reserve of 32 MiB, and little room to append. */
const VOLUME = 144 * MIB;
const PORT = 29379 + (process.pid % 500);

suite("a volume that fills up", () => {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), "iacproject-disk-"));
  const inDir = (...names: string[]) => path.join(dir, ...names);
  const data = inDir("data");
  let mounted = false;
  const running: ChildProcess[] = [];

  beforeAll(() => {
    fs.mkdirSync(data);
    const size = `size=${VOLUME / MIB}m`;
    mounted = spawnSync("mount", ["-t", "tmpfs", "-o", size, "tmpfs", data]).status === 0;
    if (!mounted) {
      console.warn(
        "no permission to mount a tmpfs: free space is computed from the size of the files, and SKIPPED: Redis without the guard",
      );
      fs.mkdirSync(inDir("bin"));
      const used = `used=$(du -sk ${data} | cut -f 1)`;
      fs.writeFileSync(inDir("bin", "stat"), `#!/bin/sh\n${used}\necho $((${VOLUME / 1024} - used)) 1024\n`, {
        mode: 0o755,
      });
    }
    writePod(dir, { replace: { "maxmemory 256mb": `maxmemory ${MAX_MEMORY / MIB}mb`, "6379": String(PORT) } });
    runScript(dir, ["access.sh", "users"]);
  });
  afterEach(async () => {
    for (const child of running.splice(0).reverse()) {
      if (child.exitCode !== null || child.signalCode !== null) continue;
      const ended = new Promise((resolve) => child.once("exit", resolve));
      try {
        // with its children, such as a running rewrite or a sleep
        process.kill(-child.pid!, "SIGKILL");
      } catch {
        // it has just ended
      }
      await ended;
    }
    for (const name of fs.readdirSync(data)) fs.rmSync(path.join(data, name), { recursive: true });
  });
  afterAll(() => {
    if (mounted) spawnSync("umount", [data]);
    fs.rmSync(dir, { recursive: true, force: true });
  });

  const env = { ...process.env, PATH: `${inDir("bin")}:${process.env["PATH"]}` };
  const launch = (program: string, args: readonly string[]) => {
    const child = spawn(program, args, { cwd: data, env, stdio: ["ignore", "ignore", "pipe"], detached: true });
    running.push(child);
    return child;
  };
  const redisArguments = () => {
    const { status, stdout } = runScript(dir, ["disk-guard.sh", "arguments"]);
    expect(status).toBe(0);
    return stdout.split(" ").filter(Boolean);
  };
  /** Starts Redis as the pods do, with the guard unless it is left out. */
  async function start({ guarded = true } = {}) {
    const redis = launch("redis-server", [inDir("etc", "main.conf"), ...(guarded ? redisArguments() : [])]);
    const said: string[] = [];
    const guard = guarded ? launch("sh", [inDir("etc", "disk-guard.sh"), "watch", String(redis.pid)]) : undefined;
    guard?.stderr?.on("data", (text: Buffer) => said.push(String(text)));
    await until(() => cli("PING").includes("PONG"));
    return { redis, guard, said: () => said.join("") };
  }
  const cli = (...args: string[]) =>
    spawnSync("redis-cli", ["-p", String(PORT), "--user", "admin", "--pass", PASSWORD, "--no-auth-warning", ...args], {
      encoding: "utf8",
    }).stdout.trim();
  const until = async (holds: () => boolean) => {
    for (const end = Date.now() + 20_000; !holds() && Date.now() < end;) await new Promise((r) => setTimeout(r, 50));
    expect(holds()).toBe(true);
  };
  const isShort = () => fs.existsSync(inDir("run", "volume-short"));

  /** Overwrites `keys` values of about 1 MB, at most 25 a second. Returns the last acknowledged value of each key. */
  async function overwrite(keys: number, megabytes: number) {
    const socket = net.connect(PORT, "127.0.0.1");
    const acknowledged = new Map<string, Buffer>();
    let refused = 0;
    const ask = (...words: (string | Buffer)[]) =>
      new Promise<string>((resolve) => {
        socket.once("data", (reply) => resolve(String(reply)));
        socket.once("close", () => resolve("closed"));
        const parts = words.flatMap((w) => [`$${Buffer.byteLength(w)}\r\n`, w, "\r\n"]);
        socket.write(Buffer.concat([`*${words.length}\r\n`, ...parts].map((p) => Buffer.from(p))));
      }).finally(() => socket.removeAllListeners("data").removeAllListeners("close"));
    socket.on("error", () => {});
    let answer = await ask("AUTH", "admin", PASSWORD);
    for (let i = 0; i < megabytes && answer !== "closed"; i++) {
      const [key, value] = [`key-${i % keys}`, randomBytes(1_040_000)];
      answer = await ask("SET", key, value);
      if (answer.startsWith("+OK")) acknowledged.set(key, value);
      else if (answer.startsWith("-OOM")) refused++;
      await new Promise((r) => setTimeout(r, 40));
    }
    socket.destroy();
    return { acknowledged, refused, survived: answer !== "closed" };
  }

  it("holds a snapshot to restore only until two minutes have passed without a restart, because the restore was given up", async () => {
    const snapshot = path.join(data, "restore/next.rdb");
    fs.mkdirSync(path.dirname(snapshot));
    fs.writeFileSync(snapshot, "snapshot");
    await start();
    await new Promise((resolve) => setTimeout(resolve, 2000));
    expect(fs.existsSync(snapshot)).toBe(true);
    const past = new Date(Date.now() - 3 * 60_000);
    fs.utimesSync(snapshot, past, past);
    await until(() => fs.existsSync(path.join(data, "restore/not-taken.rdb")));
    expect(fs.existsSync(snapshot)).toBe(false);
  });

  it("without the guard makes Redis exit", async () => {
    if (!mounted) return;
    const { redis } = await start({ guarded: false });
    fs.writeFileSync(path.join(data, "other"), Buffer.alloc(VOLUME - 20 * MIB));
    const { survived } = await overwrite(5, 100);
    expect(survived).toBe(false);
    await until(() => redis.exitCode !== null);
    expect(redis.exitCode).toBe(1);
  });

  it("is kept from filling up: Redis keeps running, and every acknowledged write survives a restart", async () => {
    const { redis, said } = await start();
    fs.writeFileSync(path.join(data, "dump.rdb"), Buffer.alloc(28 * MIB));
    const { acknowledged, refused, survived } = await overwrite(26, 300);
    expect(survived).toBe(true);
    // the volume is so small that the guard had to act
    expect(refused).toBeGreaterThan(0);
    expect(said()).toContain("deleting dump.rdb");
    await until(() => !isShort());
    expect(cli("CONFIG", "GET", "maxmemory")).toContain(String(MAX_MEMORY));
    expect(cli("CONFIG", "GET", "auto-aof-rewrite-percentage")).toContain("50");
    process.kill(redis.pid!, "SIGKILL");
    await until(() => redis.signalCode !== null);
    await start();
    await until(() => cli("DBSIZE") === String(acknowledged.size));
    for (const [key, value] of acknowledged) {
      const stored = spawnSync("redis-cli", [
        ...["-p", String(PORT), "--user", "admin", "--pass", PASSWORD, "--no-auth-warning", "GET", key],
      ], { maxBuffer: 4 * MIB }).stdout; // prettier-ignore
      expect(stored.subarray(0, value.length).equals(value)).toBe(true);
    }
  }, 90_000);

  it("filled by other data refuses writes, but not reads and deletions, until there is room again", async () => {
    const { said } = await start();
    expect(cli("SET", "a", "1")).toBe("OK");
    const other = path.join(data, "other");
    fs.writeFileSync(other, Buffer.alloc(VOLUME - 30 * MIB));
    await until(isShort);
    await until(() => /^volume: \d+ MiB free, \d+ MiB needed: writes are refused/.test(said()));
    await until(() => cli("SET", "b", "2").startsWith("OOM"));
    expect(cli("GET", "a")).toBe("1");
    expect(cli("DEL", "a")).toBe("1");
    fs.rmSync(other);
    await until(() => cli("SET", "b", "2") === "OK");
    await until(() => said().includes("writes are accepted again"));
  });

  it("that is full does not prevent Redis from starting, which then appends nothing at all until there is room", async () => {
    process.kill((await start()).redis.pid!, "SIGTERM");
    await until(() => running.every((child) => child.exitCode !== null));
    const other = path.join(data, "other");
    fs.writeFileSync(other, Buffer.alloc(VOLUME - MIB));
    const leftovers = ["temp-rewriteaof-bg-71.aof", "temp-1.71.rdb"].map((name) => path.join(data, name));
    for (const file of leftovers) fs.writeFileSync(file, "x");
    const { redis } = await start();
    for (const file of leftovers) expect(fs.existsSync(file)).toBe(false);
    expect(cli("SET", "a", "1")).toMatch(/^(OOM|NOREPLICAS)/);
    expect(cli("DEL", "a")).toMatch(/^NOREPLICAS/);
    fs.rmSync(other);
    await until(() => cli("SET", "a", "1") === "OK");
    expect(redis.exitCode).toBe(null);
  });

  it("of a copy makes it disconnect from main, until there is room again", async () => {
    const main = PORT + 500;
    fs.mkdirSync(inDir("main"), { recursive: true });
    const user = ["--user", "replication", "on", `>${PASSWORD}`, "+@all"];
    launch("redis-server", ["--port", String(main), "--dir", inDir("main"), "--save", "", ...user]);
    const { said } = await start();
    cli("REPLICAOF", "127.0.0.1", String(main));
    await until(() => cli("INFO", "replication").includes("master_link_status:up"));
    const other = path.join(data, "other");
    fs.writeFileSync(other, Buffer.alloc(VOLUME - 12 * MIB));
    await until(() => said().includes("leaving main"));
    await until(() => cli("INFO", "replication").includes("master_link_status:down"));
    expect(isShort()).toBe(true);
    expect(cli("CONFIG", "GET", "masteruser")).toContain("unverified");
    fs.rmSync(other);
    await until(() => !isShort());
    cli("CONFIG", "SET", "masteruser", "replication");
    await until(() => cli("INFO", "replication").includes("master_link_status:up"));
  });

  it("is watched as long as Redis runs", async () => {
    const { redis, guard } = await start();
    process.kill(redis.pid!, "SIGKILL");
    await until(() => guard!.exitCode !== null);
  });

  it("with room needs no arguments", () => {
    expect(redisArguments()).toEqual([]);
  });
});
