/**
 * States of a volume when Redis starts: damaged, full, or with files that are not data. With real redis-server
 * processes.
 */
import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { hasRedis, PASSWORD, runScript, writePod } from "../../../helpers/redis-pod";

if (!hasRedis) console.warn("SKIPPED: Redis' volume at start: redis-server is not installed");
const suite = hasRedis ? describe : describe.skip;
/** A mount namespace for a small file system; for a user other than root, also a user namespace. */
const UNSHARE = process.getuid?.() === 0 ? ["-m"] : ["-rm"];
const mounts = spawnSync("unshare", [...UNSHARE, "true"]).status === 0;
if (!mounts) console.warn("SKIPPED: a full volume: unshare cannot make a mount namespace");

suite("main's volume at start", () => {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), "iacproject-volume-"));
  const port = 29379 + (process.pid % 500);
  let pod: string;
  let main: ChildProcess | undefined;
  const at = (...names: string[]) => path.join(pod, "data", ...names);
  const incr = () => at("appendonlydir/appendonly.aof.1.incr.aof");
  const log = () => fs.readFileSync(path.join(pod, "log"), "utf8");
  const cli = (...args: string[]) =>
    spawnSync("redis-cli", ["-p", String(port), "--user", "admin", "--pass", PASSWORD, "--no-auth-warning", ...args], {
      encoding: "utf8",
      timeout: 5000,
    }).stdout.trim();
  const run = (program: string, ...args: string[]) => {
    const out = fs.openSync(path.join(pod, "log"), "a");
    main = spawn(program, args, { env: process.env, stdio: ["ignore", out, out] });
    fs.closeSync(out);
  };
  const answers = async () => {
    for (let i = 0; i < 200 && cli("PING") !== "PONG"; i++) await new Promise((r) => setTimeout(r, 50));
    return cli("PING") === "PONG";
  };
  const start = async () => {
    run("sh", path.join(pod, "etc", "start-main.sh"));
    expect(await answers()).toBe(true);
  };
  const kill = async (signal: NodeJS.Signals = "SIGKILL") => {
    if (!main || main.exitCode !== null || main.signalCode !== null) return;
    const exited = new Promise((resolve) => main!.once("exit", resolve));
    main.kill(signal);
    await exited;
  };
  beforeEach(() => {
    pod = fs.mkdtempSync(path.join(dir, "main-"));
    writePod(pod, { replace: { "6379": String(port) } });
    fs.writeFileSync(path.join(pod, "start-empty/on"), new Date().toISOString().slice(0, 10));
  });
  afterEach(() => kill());
  afterAll(() => fs.rmSync(dir, { recursive: true, force: true }));

  it("with zeros at the end of the append-only file, as after a power failure: repaired, and logged", async () => {
    await start();
    cli("SET", "a", "1");
    await kill();
    fs.appendFileSync(incr(), Buffer.alloc(512));
    await start();
    expect(cli("GET", "a")).toBe("1");
    expect(log()).toMatch(/repaired .*incr\.aof: removed its damaged end, 512 bytes/);
  });
  it("with other bytes at its end: repaired, and the removed part is kept", async () => {
    await start();
    cli("SET", "a", "1");
    await kill();
    const size = fs.statSync(incr()).size;
    fs.appendFileSync(incr(), "garbage\0garbage");
    await start();
    expect(cli("GET", "a")).toBe("1");
    const kept = at(`damaged/appendonly.aof.1.incr.aof.after-${size}`);
    expect(fs.readFileSync(kept, "latin1")).toBe("garbage\0garbage");
  });
  it("with zeros at the end of the file before the last, which a rewrite began too early: repaired", async () => {
    await start();
    cli("SET", "a", "1");
    await kill();
    fs.copyFileSync(incr(), at("appendonlydir/appendonly.aof.2.incr.aof"));
    fs.appendFileSync(at("appendonlydir/appendonly.aof.manifest"), "file appendonly.aof.2.incr.aof seq 2 type i\n");
    fs.appendFileSync(incr(), Buffer.alloc(512));
    await start();
    expect(cli("GET", "a")).toBe("1");
    expect(log()).toMatch(/repaired .*1\.incr\.aof: removed its damaged end, 512 bytes/);
  });
  it("with damage that looks like an end: repaired after one failed start", async () => {
    await start();
    cli("SET", "a", "1");
    await kill();
    // both later than the start, as in a volume that was written to
    fs.appendFileSync(incr(), "garbage\r\n");
    run("sh", path.join(pod, "etc", "start-main.sh"));
    await new Promise((resolve) => main!.once("exit", resolve));
    await start();
    expect(cli("GET", "a")).toBe("1");
  });
  it("with damage followed by more data than can have been unsynced: not repaired", async () => {
    await start();
    cli("SET", "a", "1");
    await kill();
    fs.appendFileSync(incr(), Buffer.alloc(2 ** 20 + 100, "x"));
    const before = fs.readFileSync(incr());
    const { status, stderr } = runScript(pod, ["start-main.sh"]);
    expect([status, stderr]).toEqual([1, expect.stringMatching(/is damaged after byte \d+ of \d+/)]);
    expect(fs.readFileSync(incr()).equals(before)).toBe(true);
  });
  it("with only a dump.rdb: counts as no data, because Redis would ignore it and start empty", () => {
    fs.writeFileSync(at("dump.rdb"), "data");
    fs.rmSync(path.join(pod, "start-empty/on"));
    fs.mkdirSync(path.join(pod, "bin"));
    fs.writeFileSync(path.join(pod, "bin/getent"), "#!/bin/sh\nexit 2\n", { mode: 0o755 });
    fs.writeFileSync(path.join(pod, "bin/sleep"), "#!/bin/sh\n", { mode: 0o755 });
    const { status, stderr } = runScript(pod, ["start-main.sh"]);
    expect([status, stderr]).toEqual([1, expect.stringContaining("the volume is empty")]);
  });
  it("with a dump.rdb of the previous version next to the append-only file: starts, and takes no snapshots", async () => {
    await start();
    cli("SET", "a", "1");
    expect(cli("SAVE")).toBe("OK");
    cli("SET", "a", "2");
    await kill();
    await start();
    expect([cli("GET", "a"), cli("CONFIG", "GET", "save")]).toEqual(["2", "save"]);
  });
  it("after a failed snapshot by an operator: writes continue, the probe succeeds, SIGTERM is obeyed", async () => {
    await start();
    // a folder cannot be replaced by a file
    fs.mkdirSync(at("dump.rdb/in"), { recursive: true });
    cli("BGSAVE");
    for (let i = 0; i < 100 && !cli("INFO", "persistence").includes("rdb_last_bgsave_status:err"); i++)
      await new Promise((r) => setTimeout(r, 50));
    expect(cli("INFO", "persistence")).toContain("rdb_last_bgsave_status:err");
    expect(cli("SET", "a", "1")).toBe("OK");
    expect(runScript(pod, ["probe.sh", "live"]).status).toBe(0);
    // also for an instance that refuses writes, which PING reports
    cli("CONFIG", "SET", "stop-writes-on-bgsave-error", "yes");
    cli("CONFIG", "SET", "save", "3600 1");
    expect(cli("PING")).toContain("MISCONF");
    expect(runScript(pod, ["probe.sh", "live"]).status).toBe(0);
    await kill("SIGTERM");
    expect(main!.exitCode).toBe(0);
  });

  (mounts ? it : it.skip)(
    "that is full does not prevent main from starting, and no start leaves another empty file behind",
    async () => {
      // small rewrites, on a file system that has no room for them
      const conf = path.join(pod, "etc/main.conf");
      const text = fs.readFileSync(conf, "utf8");
      fs.rmSync(conf);
      fs.writeFileSync(conf, `${text}\nauto-aof-rewrite-min-size 1mb\nrdbcompression no\n`);
      const steps = `
mount -t tmpfs -o size=12m,mode=0777 tmpfs ${at()}
empty() { find ${at("appendonlydir")} -name '*.incr.aof' -empty | wc -l; }
call() { redis-cli -p ${port} --user admin --pass ${PASSWORD} --no-auth-warning "$@"; }
start() {
  sh ${path.join(pod, "etc/start-main.sh")} >>${path.join(pod, "log")} 2>&1 &
  main=$!
  for i in $(seq 100); do [ "$(call PING)" = PONG ] && return 0; kill -0 $main 2>/dev/null || break; sleep 0.1; done
  echo "not started"
}
start
n=0
while kill -0 $main 2>/dev/null && [ $n -lt 60 ]; do head -c 500000 /dev/zero | tr '\\000' x | call -x SET key-$((n % 8)) >/dev/null; n=$((n + 1)); done
kill -9 $main 2>/dev/null; wait $main
: >${at()}/temp-rewriteaof-bg-1.aof
: >${at()}/temp-99.rdb
counts=
for round in 1 2 3 4 5 6; do
  start
  # what a caller would do: the first write may end it again
  head -c 500000 /dev/zero | tr '\\000' y | call -x SET key-1 >/dev/null
  sleep 1
  kill -9 $main 2>/dev/null; wait $main 2>/dev/null
  counts="$counts $(empty)"
done
echo "empty$counts"
ls ${at()}
`;
      const { stdout } = spawnSync("unshare", [...UNSHARE, "sh", "-c", steps], { encoding: "utf8", timeout: 100_000 });
      expect(stdout).not.toContain("not started");
      const counts = /empty (.*)/.exec(stdout)![1]!.split(" ").map(Number);
      // the current one, and that of a rewrite that did not start
      expect(Math.max(...counts)).toBeLessThanOrEqual(2);
      expect(stdout).not.toMatch(/temp-(rewriteaof-bg-1|99)/);
    },
    120_000,
  );
});
