/** How main starts after it was a member of a Sentinel group, and on an empty volume. With stand-ins for programs. */
import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { hasRedis, PASSWORD, runScript, writePod } from "../../../helpers/redis-pod";

if (!hasRedis) console.warn("SKIPPED: main's start: redis-server is not installed");
const suite = hasRedis ? describe : describe.skip;

describe("main alone, after redis.durability was ha", () => {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), "iacproject-main-"));
  afterAll(() => fs.rmSync(dir, { recursive: true, force: true }));

  const today = new Date().toISOString().slice(0, 10);
  const at = (name: string) => path.join(dir, "data/sentinel", name);
  const now = () => Math.floor(Date.now() / 1000);
  beforeEach(() => {
    for (const folder of ["data", "start-empty"]) fs.rmSync(path.join(dir, folder), { recursive: true, force: true });
  });

  /** @param ofMember what start-member.sh and stop-member.sh have left on the volume, if anything */
  function start(main: string, ofMember?: string, consent?: string) {
    const put = (name: string, text: string) => {
      fs.mkdirSync(path.dirname(path.join(dir, name)), { recursive: true });
      fs.writeFileSync(path.join(dir, name), text, { mode: 0o755 });
    };
    put("data/appendonlydir/appendonly.aof.1.base.rdb", "x");
    put("data/appendonlydir/appendonly.aof.manifest", "file appendonly.aof.1.base.rdb seq 1 type b\n");
    put("data/sentinel/sentinel.conf", `sentinel announce-ip "10.0.0.1"\nsentinel monitor main ${main} 6379 2\n`);
    if (ofMember !== undefined) put("data/sentinel/of-member", ofMember);
    if (consent !== undefined) put("start-empty/on", consent);
    put("bin/redis-server", "#!/bin/sh\necho STARTED\n");
    writePod(dir);
    return runScript(dir, ["start-main.sh"]);
  }

  it("starts if it was main last", () => {
    expect(start("10.0.0.1", `${now() - 60}\n`).stdout).toContain("STARTED");
    // from then on, its volume has the latest data
    expect(fs.existsSync(at("of-member"))).toBe(false);
    expect(start("10.0.0.1").stdout).toContain("STARTED");
  });
  it.each([
    ["it did not stop as the last one", ""],
    ["the others had time to start again since", `${now() - 3600}\n`],
    ["the time is not complete", "\n"],
  ])("refuses if another member may have become main unnoticed: %s", (_, ofMember) => {
    for (let n = 0; n < 2; n++) {
      const { status, stderr } = start("10.0.0.1", ofMember);
      expect(status).toBe(1);
      expect(stderr).toContain("another member of the Sentinel group may have become main after this one stopped");
      expect(stderr).toContain("Set redis.durability to ha again");
      expect(stderr).toContain(`redis-main-start-empty --from-literal=on=${today},other-members`);
      expect(stderr).toContain("delete pvc data-redis-main-1 data-redis-main-2");
    }
  });
  it("starts nevertheless if an operator gives up what only the others have, but not with a consent to an empty main", () => {
    for (const main of ["10.0.0.1", "10.0.0.3"]) {
      expect(start(main, "", today).status).toBe(1);
      expect(start(main, "", `${today},other-members`).stdout).toContain("STARTED");
      // also when the consent has expired
      const conf = fs.readFileSync(at("sentinel.conf"), "utf8");
      expect(conf).toContain("sentinel monitor main 10.0.0.1 6379 2\n");
      fs.rmSync(path.join(dir, "start-empty"), { recursive: true });
      expect(runScript(dir, ["start-main.sh"]).stdout).toContain("STARTED");
    }
  });
  it("refuses if another member was main, because that one has newer data, and explains how to proceed", () => {
    const { status, stderr } = start("10.0.0.3");
    expect(status).toBe(1);
    expect(stderr).toContain("another member of the Sentinel group was main");
    expect(stderr).toContain("delete main's pod until redis-main-0 is main");
  });
});

suite("main alone, on a volume with the commit record of a Sentinel group", () => {
  const port = 27879 + (process.pid % 500);
  let dir: string;
  let main: ChildProcess;
  const cli = (...args: string[]) =>
    spawnSync("redis-cli", ["-p", String(port), "--user", "admin", "--pass", PASSWORD, "--no-auth-warning", ...args], {
      encoding: "utf8",
    }).stdout.trim();
  beforeEach(() => {
    dir = fs.mkdtempSync(path.join(os.tmpdir(), "iacproject-alone-"));
    writePod(dir, { replace: { "6379": String(port) } });
  });
  afterEach(async () => {
    const ended = new Promise((resolve) => main.once("exit", resolve));
    main.kill("SIGKILL");
    await ended;
    fs.rmSync(dir, { recursive: true, force: true });
  });
  it.each([
    ["40 5 40", "40 1000000 40"],
    // after a restore
    ["40 5 40 1", "40 1000000 40 1"],
    ["41 7000018 52 3", "41 8000000 52 3"],
  ])(
    "has more than the other members' volumes, which lack its writes: %s becomes %s",
    async (before, after) => {
      const folder = path.join(dir, "data/appendonlydir");
      fs.mkdirSync(folder);
      const resp = (...words: string[]) =>
        `*${words.length}\r\n${words.map((w) => `$${w.length}\r\n${w}\r\n`).join("")}`;
      fs.writeFileSync(
        path.join(folder, "appendonly.aof.1.incr.aof"),
        resp("SELECT", "1") + resp("SET", "commit", before),
      );
      fs.writeFileSync(path.join(folder, "appendonly.aof.manifest"), "file appendonly.aof.1.incr.aof seq 1 type i\n");
      fs.mkdirSync(path.join(dir, "data/sentinel"));
      const conf = 'sentinel announce-ip "10.0.0.1"\nsentinel monitor main 10.0.0.1 6379 2\n';
      fs.writeFileSync(path.join(dir, "data/sentinel/sentinel.conf"), conf);
      main = spawn("sh", [path.join(dir, "etc/start-main.sh")], { env: process.env, stdio: "ignore" });
      const record = () => cli("-n", "1", "GET", "commit");
      for (const end = Date.now() + 20_000; record() !== after && Date.now() < end;)
        await new Promise((resolve) => setTimeout(resolve, 100));
      expect(record()).toBe(after);
    },
    30_000,
  );
});

suite("main's start on an empty volume", () => {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), "iacproject-start-"));
  const children: ChildProcess[] = [];
  const port = 27379 + (process.pid % 500);
  const today = new Date().toISOString().slice(0, 10);
  const inDir = (...names: string[]) => path.join(dir, ...names);

  beforeAll(async () => {
    for (const folder of ["bin", "data", "start-empty"]) fs.mkdirSync(inDir(folder));
    // prints instead of starting a server; the test provides the DNS records
    fs.writeFileSync(inDir("bin", "redis-server"), '#!/bin/sh\necho "started $*"\n', { mode: 0o755 });
    fs.writeFileSync(
      inDir("bin", "getent"),
      `#!/bin/sh\ncase $2 in redis-main) cat ${dir}/main ;; *) cat ${dir}/replicas ;; esac\n`,
      { mode: 0o755 },
    );
    children.push(serve(port));
    for (let i = 0; i < 100 && !replica("PING").includes("PONG"); i++) await new Promise((r) => setTimeout(r, 100));
  });
  beforeEach(() => {
    for (const folder of ["data", "start-empty"]) {
      fs.rmSync(inDir(folder), { recursive: true });
      fs.mkdirSync(inDir(folder));
    }
    fs.writeFileSync(inDir("main"), "10.0.0.1 redis-main\n");
    // one line per socket type, as getent prints it
    fs.writeFileSync(inDir("replicas"), "127.0.0.1 STREAM x\n127.0.0.1 DGRAM\n");
    replica("FLUSHALL");
  });
  afterAll(() => {
    for (const child of children) child.kill("SIGKILL");
    fs.rmSync(dir, { recursive: true, force: true });
  });
  const serve = (at: number) =>
    spawn(
      "redis-server",
      [
        ...["--port", String(at), "--bind", "127.0.0.1", "--save", "", "--requirepass", PASSWORD],
        ...["--user", "probe", "on", `>${PASSWORD}`, "+dbsize"],
      ],
      { cwd: dir, stdio: "ignore" },
    );
  const replica = (...args: string[]) =>
    spawnSync("redis-cli", ["-p", String(port), "-a", PASSWORD, "--no-auth-warning", ...args], { encoding: "utf8" })
      .stdout;

  /** Runs the script with the paths and the port of this test. */
  function start(tries = 2, at = port) {
    writePod(dir, { replace: { "TRIES=60": `TRIES=${tries}`, "6379": String(at) } });
    fs.rmSync(inDir("termination-log"), { force: true });
    const { status, stdout, stderr } = runScript(dir, ["start-main.sh"]);
    const why = fs.existsSync(inDir("termination-log")) ? fs.readFileSync(inDir("termination-log"), "utf8") : "";
    return { ok: status === 0 && stdout.includes(`started ${inDir("etc", "main.conf")}`), why, stderr };
  }

  it("is allowed if no replica holds a key, and if there is no replica", () => {
    expect(start().ok).toBe(true);
    fs.writeFileSync(inDir("replicas"), "");
    expect(start().ok).toBe(true);
  });

  it("is refused while a replica holds data; the pod's status explains how to proceed", () => {
    replica("SET", "precious", "1");
    const { ok, why } = start();
    expect(ok).toBe(false);
    expect(why).toContain("replica 127.0.0.1 holds 1 keys, which an empty main would delete");
    expect(why).toContain(`kubectl -n shop create configmap redis-main-start-empty --from-literal=on=${today}`);
    expect(why).toContain("kubectl -n shop delete pod redis-main-0");
    expect(why).not.toContain(PASSWORD);
  });

  it("is allowed without a check if the volume has an append-only file; a dump.rdb or an empty one does not count", () => {
    replica("SET", "precious", "1");
    const put = (file: string, text: string) => {
      fs.mkdirSync(path.dirname(inDir("data", file)), { recursive: true });
      fs.writeFileSync(inDir("data", file), text);
    };
    put("dump.rdb", "data");
    put("appendonlydir/appendonly.aof.manifest", "file appendonly.aof.1.base.rdb seq 1 type b\n");
    put("appendonlydir/appendonly.aof.1.base.rdb", "");
    expect(start().ok).toBe(false);
    put("appendonlydir/appendonly.aof.1.base.rdb", "data");
    expect(start().ok).toBe(true);
  });

  it("is allowed by the user's ConfigMap, on the same day only", () => {
    replica("SET", "precious", "1");
    fs.writeFileSync(inDir("start-empty", "on"), today);
    expect(start().ok).toBe(true);
    fs.writeFileSync(inDir("start-empty", "on"), "2020-01-01");
    expect(start().ok).toBe(false);
  });

  it("is refused while a replica is unreachable, because a policy that does not apply to the pod yet looks the same", () => {
    const { ok, why } = start(2, port + 5000);
    expect(ok).toBe(false);
    expect(why).toMatch(/replica 127\.0\.0\.1 did not report whether it holds data \(.*Connection refused/);
  });

  it("waits for a replica that starts at the same time", async () => {
    const late = port + 6000;
    setTimeout(() => children.push(serve(late)), 0);
    // the script blocks the event loop, which starts the server, so the first attempt is always refused
    expect(start(1, late).ok).toBe(false);
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(start(20, late).ok).toBe(true);
  });

  it("is refused if a replica does not report its keys, or DNS lookups fail", () => {
    replica("ACL", "SETUSER", "probe", "off");
    const silent = start();
    replica("ACL", "SETUSER", "probe", "on");
    expect(silent.ok).toBe(false);
    expect(silent.why).toContain("replica 127.0.0.1 did not report whether it holds data");
    fs.rmSync(inDir("main"));
    const { ok, why } = start();
    expect(ok).toBe(false);
    expect(why).toContain("DNS does not resolve redis-main");
  });
});
