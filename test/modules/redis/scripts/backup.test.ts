/** The script of scheduled backups against a real redis-server with the project's users. */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { checkSnapshot } from "../../../../scripts/redis/rdb-check";
import { hasRedis, PASSWORD, runScript, writePod } from "../../../helpers/redis-pod";

if (!hasRedis) console.warn("SKIPPED: backups: redis-server is not installed");
const suite = hasRedis ? describe : describe.skip;

suite("a scheduled backup", () => {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), "iacproject-backup-"));
  const port = 29379 + (process.pid % 500);
  const backups = path.join(dir, "backups");
  let main: ChildProcess;
  const admin = (...args: string[]) =>
    spawnSync("redis-cli", ["-p", String(port), "--user", "admin", "--pass", PASSWORD, "--no-auth-warning", ...args], {
      encoding: "utf8",
    }).stdout;
  const run = (keep: number) => runScript(dir, ["backup.sh", "127.0.0.1", String(keep)]);
  const names = () =>
    fs
      .readdirSync(backups)
      .filter((name) => name !== ".order")
      .sort();

  beforeAll(async () => {
    fs.mkdirSync(backups, { recursive: true });
    writePod(dir, { replace: { "6379": String(port), "/backups": backups } });
    // redis-cli would use the default port
    fs.mkdirSync(path.join(dir, "bin"));
    const cli = spawnSync("sh", ["-c", "command -v redis-cli"], { encoding: "utf8" }).stdout.trim();
    fs.writeFileSync(path.join(dir, "bin/redis-cli"), `#!/bin/sh\nexec ${cli} -p ${port} "$@"\n`, { mode: 0o755 });
    runScript(dir, ["access.sh", "users"]);
    const access = path.join(dir, "run");
    const args = ["--aclfile", path.join(access, "users.acl"), "--port", String(port), "--save", ""];
    args.push("--repl-diskless-sync-delay", "0");
    main = spawn("redis-server", args, { cwd: dir, stdio: "ignore" });
    for (let i = 0; i < 100 && !admin("PING").includes("PONG"); i++) await new Promise((r) => setTimeout(r, 50));
    admin("SET", "a", "1");
  });
  beforeEach(() => {
    for (const name of fs.readdirSync(backups)) fs.rmSync(path.join(backups, name), { recursive: true });
    fs.rmSync(path.join(dir, "termination-log"), { force: true });
  });
  afterAll(() => {
    main.kill("SIGKILL");
    fs.rmSync(dir, { recursive: true, force: true });
  });

  it("is a complete snapshot named after its time, made by a user without other permissions", () => {
    const { status, stdout, stderr } = run(7);
    expect([status, stderr]).toEqual([0, ""]);
    expect(stdout).toMatch(/^\d{4}-\d\d-\d\dT[\d-]+Z\.rdb: 1 keys read, \d+ bytes\n$/);
    expect(checkSnapshot(path.join(backups, names()[0]!))).toMatchObject({ checked: true });
  });
  it("deletes the oldest, and what an interrupted backup left behind", () => {
    for (const name of ["2020-01-01T00-00-00Z.rdb", "2021-01-01T00-00-00Z.rdb", ".part"])
      fs.writeFileSync(path.join(backups, name), "x");
    expect(run(2).status).toBe(0);
    expect(names()).toEqual(["2021-01-01T00-00-00Z.rdb", expect.stringMatching(/^20(2[2-9]|[3-9])/)]);
  });
  it("is never deleted in favour of backups that were made while the clock was fast, which are deleted first", () => {
    const ahead = ["2099-01-01T00-00-00Z.rdb", "2099-01-02T00-00-00Z.rdb", "2099-01-03T00-00-00Z.rdb"];
    for (const name of ahead) fs.writeFileSync(path.join(backups, name), "x");
    const made: string[] = [];
    for (let i = 0; i < 4; i++) {
      const { status, stdout } = run(3);
      expect(status).toBe(0);
      made.push(stdout.split(":")[0]!);
      expect(names()).toContain(made.at(-1));
      expect(names()).toHaveLength(3);
      // names have a resolution of a second
      spawnSync("sleep", ["1.1"]);
    }
    expect(names()).toEqual(made.slice(-3));
    expect(new Set(made).size).toBe(4);
  });
  it("keeps the order in which backups were made if the clock is set back between them", () => {
    const date = path.join(dir, "bin/date");
    const at = (time: string) => fs.writeFileSync(date, `#!/bin/sh\necho ${time}\n`, { mode: 0o755 });
    try {
      for (const day of ["05", "09", "02", "03"]) {
        at(`2030-01-${day}T00-00-00Z`);
        expect(run(2).status).toBe(0);
      }
      expect(names()).toEqual(["2030-01-02T00-00-00Z.rdb", "2030-01-03T00-00-00Z.rdb"]);
      // the same second again: nothing is overwritten unnoticed, and the file is the newest
      expect(run(2).status).toBe(0);
      expect(names()).toEqual(["2030-01-02T00-00-00Z.rdb", "2030-01-03T00-00-00Z.rdb"]);
    } finally {
      fs.rmSync(date);
    }
  });
  it("that fails reports the reason, and deletes none", () => {
    fs.writeFileSync(path.join(backups, "2020-01-01T00-00-00Z.rdb"), "x");
    admin("ACL", "SETUSER", "backup", "off");
    const { status } = run(1);
    admin("ACL", "SETUSER", "backup", "on");
    expect(status).toBe(1);
    expect(fs.readFileSync(path.join(dir, "termination-log"), "utf8")).toMatch(/^Backup failed: [^]*(AUTH|PASS)/);
    expect(names()).toEqual(["2020-01-01T00-00-00Z.rdb"]);
  });
  it("waits for main, because network policies take a moment to apply to a new pod", async () => {
    const cli = path.join(dir, "bin/redis-cli");
    const works = fs.readFileSync(cli, "utf8");
    const count = path.join(dir, "tries");
    const refuses = `#!/bin/sh\necho x >>${count}\n[ $(wc -l <${count}) -gt 2 ] || { echo 'Could not connect to Redis at main: Connection refused' >&2; exit 1; }\n`;
    fs.writeFileSync(cli, refuses + works.replace("#!/bin/sh\n", ""), { mode: 0o755 });
    try {
      expect(run(7).status).toBe(0);
      expect(names()).toHaveLength(1);
    } finally {
      fs.writeFileSync(cli, works, { mode: 0o755 });
    }
  });
});
