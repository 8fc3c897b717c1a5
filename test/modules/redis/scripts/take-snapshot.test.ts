/** A main that finds a snapshot from `npm run restore`, with real redis-server processes. */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { hasRedis, PASSWORD, runScript, writePod } from "../../../helpers/redis-pod";

if (!hasRedis) console.warn("SKIPPED: restoring snapshots: redis-server is not installed");
const suite = hasRedis ? describe : describe.skip;

const ID = "1800000000000001";

suite("main and a snapshot on its volume", () => {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), "iacproject-snapshot-"));
  const port = 28379 + (process.pid % 500);
  const snapshot = path.join(dir, "snapshot.rdb");
  let pod: string;
  let main: ChildProcess | undefined;
  const at = (name: string) => path.join(pod, "data", name);
  const cli = (...args: string[]) =>
    spawnSync("redis-cli", ["-p", String(port), "--user", "admin", "--pass", PASSWORD, "--no-auth-warning", ...args], {
      encoding: "utf8",
      timeout: 5000,
    }).stdout.trim();
  const start = async () => {
    main = spawn("sh", [path.join(pod, "etc", "start-main.sh")], { env: process.env, stdio: "ignore" });
    for (let i = 0; i < 100 && cli("PING") !== "PONG"; i++) await new Promise((r) => setTimeout(r, 50));
    expect(cli("PING")).toBe("PONG");
  };
  const kill = async () => {
    const exited = new Promise((resolve) => main!.once("exit", resolve));
    main!.kill("SIGKILL");
    await exited;
  };
  const leave = () => {
    fs.mkdirSync(at("restore"), { recursive: true });
    fs.writeFileSync(at("restore/next.generation"), "1\n");
    fs.writeFileSync(at("restore/next.id"), `${ID}\n`);
    fs.copyFileSync(snapshot, at("restore/next.rdb"));
    fs.writeFileSync(at("restore/next.committed"), `${ID} ${state()}\n`);
  };
  /** What restore.sh notes about the append-only file. */
  const state = () => {
    const folder = at("appendonlydir");
    const last = fs.readFileSync(path.join(folder, "appendonly.aof.manifest"), "utf8").trim().split("\n").at(-1)!;
    const [, file = ""] = last.split(" ");
    return `${file} ${fs.statSync(path.join(folder, file)).size}`;
  };
  const step = (...words: string[]) => runScript(pod, ["restore.sh", ...words]);

  beforeAll(async () => {
    // a snapshot with one key
    pod = path.join(dir, "maker");
    writePod(pod, { replace: { "6379": String(port) } });
    fs.writeFileSync(path.join(pod, "start-empty/on"), new Date().toISOString().slice(0, 10));
    await start();
    cli("SET", "from", "snapshot");
    expect(cli("SAVE")).toBe("OK");
    fs.copyFileSync(at("dump.rdb"), snapshot);
    await kill();
  });
  beforeEach(async () => {
    // another main, with its own data
    pod = fs.mkdtempSync(path.join(dir, "main-"));
    writePod(pod, { replace: { "6379": String(port) } });
    fs.writeFileSync(path.join(pod, "start-empty/on"), new Date().toISOString().slice(0, 10));
    await start();
    cli("SET", "of", "before");
    await kill();
  });
  // a failed test leaves it running
  afterEach(() => void main?.kill("SIGKILL"));
  afterAll(() => {
    main?.kill("SIGKILL");
    fs.rmSync(dir, { recursive: true, force: true });
  });
  const keys = () => cli("SCAN", "0", "COUNT", "100").split("\n").slice(1).sort();

  it("starts from it, sets the previous data aside, and uses it only once", async () => {
    leave();
    await start();
    expect(keys()).toEqual(["from"]);
    cli("SET", "after", "1");
    await kill();
    expect(fs.existsSync(at("restore/next.rdb"))).toBe(false);
    expect(fs.readdirSync(at("restore/before"))).toContain("appendonly.aof.manifest");
    await start();
    expect(keys()).toEqual(["after", "from"]);
    await kill();
  });
  it("gets a commit record of the next generation instead of the snapshot's, once", async () => {
    leave();
    fs.writeFileSync(at("restore/next.generation"), "7\n");
    await start();
    expect([keys(), cli("-n", "1", "GET", "commit")]).toEqual([["from"], "0 0 0 7"]);
    cli("-n", "1", "SET", "commit", "3 4 3 7");
    cli("SET", "after", "1");
    await kill();
    expect(fs.readdirSync(at("restore"))).toEqual(["before"]);
    await start();
    expect([keys(), cli("-n", "1", "GET", "commit")]).toEqual([["after", "from"], "3 4 3 7"]);
    await kill();
  });
  it("starts from it after the steps of a restore, and accepts no writes after the last one", async () => {
    await start();
    fs.mkdirSync(at("restore"));
    fs.copyFileSync(snapshot, at("restore/incoming.rdb"));
    expect(step("arm", ID, "4").status).toBe(0);
    expect(step("hold", ID)).toMatchObject({ status: 0, stderr: "" });
    const write = spawnSync(
      "redis-cli",
      ["-p", String(port), "--user", "admin", "--pass", PASSWORD, "SET", "late", "1"],
      {
        timeout: 1000,
      },
    );
    expect(write.error).toMatchObject({ code: "ETIMEDOUT" });
    await kill();
    await start();
    expect([keys(), cli("-n", "1", "GET", "commit")]).toEqual([["from"], "0 0 0 4"]);
    await kill();
  });
  it("keeps what main has acknowledged after a restore whose command was killed", async () => {
    await start();
    fs.mkdirSync(at("restore"));
    fs.copyFileSync(snapshot, at("restore/incoming.rdb"));
    step("arm", ID, "4");
    expect(step("hold", ID).status).toBe(0);
    // as at the end of the pause
    expect(cli("CLIENT", "UNPAUSE")).toBe("OK");
    expect(cli("SET", "acknowledged", "1")).toBe("OK");
    await kill();
    await start();
    expect(keys()).toEqual(["acknowledged", "of"]);
    expect(fs.readdirSync(at("restore"))).toEqual(["not-taken.rdb"]);
    await kill();
  });
  it.each(["seal", "hold"])(
    "takes no step %s of a restore that began before another one, which has taken place",
    async (name) => {
      await start();
      cli("-n", "1", "SET", "commit", "3 4 3 4");
      fs.mkdirSync(at("restore"));
      fs.copyFileSync(snapshot, at("restore/incoming.rdb"));
      expect(step("arm", ID, "4").status).toBe(0);
      expect(step(name, ID)).toMatchObject({
        status: 1,
        stderr: expect.stringContaining("another restore has taken place: 3 4 3 4"),
      });
      expect([cli("-n", "1", "GET", "commit"), fs.existsSync(at("restore/next.committed"))]).toEqual([
        "3 4 3 4",
        false,
      ]);
      await kill();
    },
  );
  it("keeps a snapshot that a restore may need while Redis does not report whether it has begun", () => {
    leave();
    fs.writeFileSync(path.join(pod, "etc/sentinel.conf"), "");
    fs.writeFileSync(path.join(pod, "run/can-restore"), "");
    fs.copyFileSync(snapshot, at("restore/incoming.rdb"));
    expect(step("arm", "1800000000000002", "2")).toMatchObject({
      status: 1,
      stderr: expect.stringContaining("did not report its commit record"),
    });
    expect(fs.readFileSync(at("restore/next.id"), "utf8")).toBe(`${ID}\n`);
  });
  it("takes no step of a restore that is not the one on the volume", async () => {
    await start();
    leave();
    for (const words of [
      ["hold", "1800000000000002"],
      ["seal", "1800000000000002"],
    ])
      expect(step(...words)).toMatchObject({ status: 1, stderr: expect.stringContaining("of another restore") });
    expect(fs.readFileSync(at("restore/next.committed"), "utf8")).toContain(`${ID} `);
    await kill();
  });
  it.each([
    ["next.generation", undefined],
    ["next.generation", "\n"],
    ["next.id", undefined],
    ["next.id", "this-restore\n"],
  ])("ignores one whose file %s contains %j, because it is damaged or of another version", async (file, text) => {
    leave();
    if (text === undefined) fs.rmSync(at(`restore/${file}`));
    else fs.writeFileSync(at(`restore/${file}`), text);
    if (text === "this-restore\n") fs.writeFileSync(at("restore/next.committed"), text);
    await start();
    expect(keys()).toEqual(["of"]);
    expect(fs.readdirSync(at("restore"))).toEqual(["not-taken.rdb"]);
    await kill();
  });
  it.each([
    ["without a mark", undefined],
    ["with the mark of another restore", "1700000000000001 appendonly.aof.1.incr.aof 0\n"],
    ["with a mark of an earlier version", `${ID}\n`],
  ])("ignores one %s, because its restore was interrupted", async (_, mark) => {
    leave();
    fs.rmSync(at("restore/next.committed"));
    if (mark) fs.writeFileSync(at("restore/next.committed"), mark);
    await start();
    expect(keys()).toEqual(["of"]);
    expect(fs.readdirSync(at("restore"))).toEqual(["not-taken.rdb"]);
    await kill();
  });
  it("resumes after an interruption, before the old data was moved and between the two moves", async () => {
    leave();
    fs.mkdirSync(at("restore/new"));
    await start();
    expect(keys()).toEqual(["from"]);
    await kill();
    leave();
    fs.rmSync(at("restore/before"), { recursive: true, force: true });
    fs.mkdirSync(at("restore/new"));
    fs.renameSync(at("appendonlydir"), at("restore/before"));
    await start();
    expect(keys()).toEqual(["from"]);
    await kill();
  });
  it("does not use it again if only its removal was interrupted", async () => {
    leave();
    await start();
    cli("SET", "after", "1");
    await kill();
    fs.linkSync(at("appendonlydir/appendonly.aof.1.base.rdb"), at("restore/next.rdb"));
    await start();
    expect(keys()).toEqual(["after", "from"]);
    await kill();
  });

  describe("interrupted at any command", () => {
    const COMMANDS = ["rm", "mkdir", "ln", "sync", "mv", "find"];
    /** Runs only the script that takes the snapshot; it is killed at its nth command. Returns whether it got that far. */
    const take = (n: number) => {
      const folder = fs.mkdtempSync(path.join(pod, "bin-"));
      for (const name of COMMANDS) {
        const text = `#!/bin/sh\ni=$(($(cat ${folder}/n 2>/dev/null || echo 0) + 1))\necho $i >${folder}/n\n[ $i -ne ${n} ] || { kill -9 $PPID; exit 1; }\nPATH=\${PATH#*:} exec ${name} "$@"\n`;
        fs.writeFileSync(path.join(folder, name), text, { mode: 0o755 });
      }
      const script = `set -eu; data=${path.join(pod, "data")}; . ${path.join(pod, "etc/append-only.sh")}; . ${path.join(pod, "etc/take-snapshot.sh")}`;
      const { signal } = spawnSync("sh", ["-c", script], {
        env: { ...process.env, PATH: `${folder}:${process.env["PATH"]}` },
      });
      return signal === "SIGKILL";
    };
    /** Which data Redis would load. */
    const data = () => {
      const manifest = at("appendonlydir/appendonly.aof.manifest");
      if (!fs.existsSync(manifest)) return "none";
      const [, base = ""] = /file (\S+) seq \d+ type b/.exec(fs.readFileSync(manifest, "utf8")) ?? [];
      if (!fs.readFileSync(at(`appendonlydir/${base}`)).equals(fs.readFileSync(snapshot))) return "before";
      return fs.existsSync(at("appendonlydir/appendonly.aof.1.incr.aof")) ? "snapshot" : "snapshot without its record";
    };
    it("and started again: never left without data, and completed", () => {
      let n = 1;
      for (; ; n++) {
        fs.rmSync(at("restore"), { recursive: true, force: true });
        fs.rmSync(at("appendonlydir"), { recursive: true, force: true });
        fs.mkdirSync(at("appendonlydir"));
        fs.writeFileSync(at("appendonlydir/appendonly.aof.1.base.rdb"), "before");
        fs.writeFileSync(at("appendonlydir/appendonly.aof.manifest"), "file appendonly.aof.1.base.rdb seq 1 type b\n");
        leave();
        if (!take(n)) break;
        // a second interruption, one command later
        if (!take(n + 1)) expect([n, data()]).toEqual([n, "snapshot"]);
        take(0);
        expect([n, data()]).toEqual([n, "snapshot"]);
      }
      expect(n).toBeGreaterThan(8);
    }, 60_000);
  });
});
