/**
 * How a member of the Sentinel group starts, depending on the Sentinels, other members and its own copy. With stand-ins
 * for Redis' programs; for a damaged copy, with a real redis-server.
 */
import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { hasRedis, PASSWORD, runScript, writePod } from "../../../helpers/redis-pod";

if (!hasRedis) console.warn("SKIPPED: a member with a damaged copy: redis-server is not installed");
const suite = hasRedis ? describe : describe.skip;

const POOL = ["10.0.0.1", "10.0.0.2", "10.0.0.3"] as const;
const [ME, SECOND, THIRD] = POOL;

/** Replies by `address:port`; a list is used in order, and its last reply repeats. */
type Answers = Readonly<Record<string, string | readonly string[]>>;

const sentinels = (...mains: (string | undefined)[]): Answers =>
  Object.fromEntries(mains.flatMap((main, i) => (main ? [[`${POOL[i]}:26379`, `${main}\n6379`]] : [])));
const slave = (priority: number, keys = 0, record = "") =>
  `role:slave\r\nslave_priority:${priority}\r\n#keys ${keys}\n#commit ${record}\n`;

const dirs: string[] = [];
afterAll(() => dirs.forEach((dir) => fs.rmSync(dir, { recursive: true, force: true })));

/** Starts member 0; returns the arguments of redis-server, or the reason why it did not start. */
function startMember(
  answers: Answers,
  files: { data?: boolean; startEmpty?: string; mark?: string; id?: string; ofMember?: string } = {},
) {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), "iacproject-member-"));
  dirs.push(dir);
  const put = (name: string, text: string) => {
    fs.mkdirSync(path.dirname(path.join(dir, name)), { recursive: true });
    fs.writeFileSync(path.join(dir, name), text, { mode: 0o755 });
  };
  writePod(dir, { pool: POOL, replace: { "TRIES=60": "TRIES=4" } });
  if (files.data) {
    put("data/appendonlydir/appendonly.aof.1.base.rdb", "x");
    put("data/appendonlydir/appendonly.aof.manifest", "file appendonly.aof.1.base.rdb seq 1 type b\n");
  }
  if (files.startEmpty) put("start-empty/on", files.startEmpty);
  const ofMember = path.join(dir, "data/sentinel/of-member");
  if (files.ofMember !== undefined) put("data/sentinel/of-member", files.ofMember);
  if (files.id !== undefined) {
    put("data/restore/next.rdb", "snapshot");
    put("data/restore/next.generation", "2\n");
    put("data/restore/next.id", `${files.id}\n`);
    if (files.mark) put("data/restore/next.committed", `${files.mark}\n`);
  }
  for (const [from, replies] of Object.entries(answers))
    [replies].flat().forEach((text, i) => put(`says/${from}/${i}`, text));
  // replies in order; DBSIZE is read from the "#keys" line of the INFO reply
  put(
    "bin/redis-cli",
    `#!/bin/sh
read -r _auth; read -r command
echo OK
d=${dir}/says/$2:$4
[ -d "$d" ] || exit 1
n=$(cat "$d.n" 2>/dev/null || echo 0)
[ -f "$d/$n" ] || n=$((n - 1))
echo $((n + 1)) >"$d.n"
case $command in
  DBSIZE) sed -n 's/^#keys //p' "$d/$n" ;;
  *) cat "$d/$n" ;;
esac
# what history.sh sends with it
if read -r more && [ "$more" = DBSIZE ]; then
  sed -n 's/^#keys //p' "$d/$n"
  echo OK
  sed -n 's/^#commit //p' "$d/$n"
  echo PONG
fi
`,
  );
  put("bin/redis-server", '#!/bin/sh\necho "STARTED $*"\n');
  put("bin/getent", "#!/bin/sh\nexit 2\n");
  put("bin/sleep", "#!/bin/sh\n");
  const { status, stdout, stderr } = runScript(dir, ["start-member.sh"]);
  const base = path.join(dir, "data/appendonlydir/appendonly.aof.1.base.rdb");
  const restored = fs.existsSync(base) && fs.readFileSync(base, "utf8") === "snapshot";
  const marked = fs.existsSync(ofMember) ? fs.readFileSync(ofMember, "utf8") : undefined;
  const restore = path.join(dir, "data/restore");
  const left = fs.existsSync(restore) ? fs.readdirSync(restore).sort() : [];
  return {
    marked,
    restored,
    left,
    status,
    started: /STARTED (.*)/.exec(stdout)?.[1]?.replace(/^\S+ /, ""),
    error: stderr,
  };
}

/** No links, promotions or writes before the guard has started. */
const announced = `--replica-announce-ip ${ME} --min-replicas-to-write 1000 --replica-priority 0`;

describe("a member of the Sentinel group", () => {
  it("follows the main that two Sentinels agree on, and cannot be promoted before it is linked", () => {
    expect(startMember(sentinels(undefined, SECOND, SECOND), { data: true }).started).toBe(
      `${announced} --replicaof ${SECOND} 6379`,
    );
  });
  it("stores that the volume is of a member, and forgets that it was the last main", () => {
    expect(startMember(sentinels(ME, ME), { data: true }).marked).toBe("");
    expect(startMember(sentinels(ME, ME), { data: true, ofMember: "1790000000\n" }).marked).toBe("");
    // even if it does not start
    expect(startMember(sentinels(ME), { data: true, ofMember: "1790000000\n" })).toMatchObject({
      status: 1,
      marked: "",
    });
    expect(startMember(sentinels(ME)).marked).toBeUndefined();
  });
  it("does not trust a single Sentinel, or three that disagree", () => {
    for (const answers of [sentinels(ME), sentinels(ME, SECOND, THIRD)]) {
      const { status, error } = startMember(answers, { data: true });
      expect(status).toBe(1);
      expect(error).toContain("no two Sentinels agree");
    }
  });
  it("becomes main again, with its data, if no other member can be promoted", () => {
    const others = { [`${SECOND}:6379`]: slave(0, 7), [`${THIRD}:6379`]: slave(0, 7) };
    expect(startMember({ ...sentinels(ME, ME, ME), ...others }, { data: true }).started).toBe(announced);
    expect(startMember(sentinels(ME, ME), { data: true }).started).toBe(announced);
  });
  it("waits while another member can be promoted, then follows it", () => {
    const changing = { ...sentinels(ME, ME, ME), [`${SECOND}:26379`]: [ME, SECOND], [`${THIRD}:26379`]: [ME, SECOND] };
    const { started } = startMember({ ...changing, [`${SECOND}:6379`]: slave(100, 7) }, { data: true });
    expect(started).toBe(`${announced} --replicaof ${SECOND} 6379`);
  });
  it("does not start as main if the other member is never promoted, and reports what it is waiting for", () => {
    const { status, error } = startMember(
      { ...sentinels(ME, ME, ME), [`${SECOND}:6379`]: slave(100, 7) },
      { data: true },
    );
    expect(status).toBe(1);
    expect(error).toContain("another member can be promoted");
  });
  it("becomes main again although another member can be promoted, if that one has promised a restore to confirm nothing", () => {
    const sealed = slave(100, 7, "3 8 1800000000000001");
    expect(startMember({ ...sentinels(ME, ME, ME), [`${SECOND}:6379`]: sealed }, { data: true }).started).toBe(
      announced,
    );
  });
  it("starts empty initially, once all others have reported that they are empty", () => {
    const others = { [`${SECOND}:6379`]: slave(0), [`${THIRD}:6379`]: slave(0) };
    expect(startMember({ ...sentinels(ME, ME, ME), ...others }).started).toBe(announced);
  });
  it("never starts empty while another member holds data, but waits until the Sentinels promote it, and follows it", () => {
    for (const holder of [slave(0, 7), slave(0, 0, "3 8 3")]) {
      const changing = { ...sentinels(ME, ME), [`${SECOND}:26379`]: [ME, SECOND], [`${THIRD}:26379`]: [ME, SECOND] };
      const { started } = startMember({ ...changing, [`${SECOND}:6379`]: holder, [`${THIRD}:6379`]: slave(0) });
      expect(started).toBe(`${announced} --replicaof ${SECOND} 6379`);
    }
    // even if a member does not answer, because consent to the loss would be wrong advice
    const waiting = startMember({ ...sentinels(ME, ME), [`${SECOND}:6379`]: slave(0, 7) });
    expect(waiting.status).toBe(1);
    expect(waiting.error).toContain(`${SECOND} holds the data, but the Sentinels have not promoted it`);
    expect(waiting.error).not.toContain("configmap");
  });
  it("does not start empty while no member holds data and one does not report, and explains how to accept the loss", () => {
    const silent = startMember({ ...sentinels(ME, ME), [`${SECOND}:6379`]: slave(0) });
    expect(silent.status).toBe(1);
    expect(silent.error).toContain(`${THIRD} did not report whether it holds data`);
    expect(silent.error).toContain("create configmap redis-main-start-empty");
  });
  it("starts empty if the ConfigMap of the same day permits it, and no reachable member holds data", () => {
    const today = new Date().toISOString().slice(0, 10);
    const silent = { ...sentinels(ME, ME), [`${SECOND}:6379`]: slave(0) };
    expect(startMember(silent, { startEmpty: today }).started).toBe(announced);
    expect(startMember(silent, { startEmpty: "2020-01-01" }).status).toBe(1);
    const held = { ...sentinels(ME, ME), [`${SECOND}:6379`]: slave(0, 7) };
    expect(startMember(held, { startEmpty: today }).status).toBe(1);
  });
});

describe("a member with a snapshot to restore", () => {
  const ID = "1800000000000001";
  const start = (id: string, mark?: string) =>
    startMember(sentinels(ME, ME, ME), { data: true, id, ...(mark ? { mark } : {}) });
  it("uses it if the guard has marked it, and this member has stored nothing since", () => {
    expect(start(ID, `${ID} appendonly.aof.1.base.rdb 1`)).toMatchObject({ restored: true, left: ["before"] });
  });
  it("does not use it, but leaves it to the guard, if it has no mark or has stored something since", () => {
    for (const mark of [undefined, ID, `${ID} appendonly.aof.1.base.rdb 0`, `${ID} appendonly.aof.2.incr.aof 1`]) {
      const { restored, left, started } = start(ID, mark);
      expect([restored, started]).toEqual([false, announced]);
      expect(left).toContain("next.rdb");
    }
  });
  it("does not use one marked by an earlier version, even if no other member answers", () => {
    expect(start("this-restore", "this-restore")).toMatchObject({ restored: false, left: ["not-taken.rdb"] });
  });
});

suite("a member with a damaged copy", () => {
  const MAIN = "127.0.0.2";
  const port = 28379 + (process.pid % 500);
  let dir: string;
  let redis: ChildProcess;
  let exited: Promise<unknown>;
  const at = (name: string) => path.join(dir, name);
  const info = (section: string) =>
    spawnSync("redis-cli", ["-p", String(port), "--user", "admin", "--pass", PASSWORD, "INFO", section], {
      encoding: "utf8",
      timeout: 5000,
    }).stdout;
  const start = () => {
    const log = fs.openSync(at("log"), "a");
    redis = spawn("sh", [at("etc/start-member.sh")], {
      env: { ...process.env, PATH: `${at("bin")}:${process.env["PATH"]}`, NAMESPACE: "shop", POD: "redis-main-0" },
      stdio: ["ignore", log, log],
    });
    fs.closeSync(log);
    exited = new Promise((resolve) => redis.once("exit", resolve));
  };
  const loaded = async () => {
    for (let i = 0; i < 200 && !info("persistence").includes("loading:0"); i++)
      await new Promise((resolve) => setTimeout(resolve, 50));
    expect(info("replication")).toContain(`master_host:${MAIN}`);
  };
  const stop = async () => {
    if (redis.exitCode === null && redis.signalCode === null) redis.kill("SIGKILL");
    await exited;
  };
  afterEach(async () => {
    await stop();
    fs.rmSync(dir, { recursive: true, force: true });
  });

  it("starts empty, as a copy of main, and keeps the damaged files", async () => {
    dir = fs.mkdtempSync(path.join(os.tmpdir(), "iacproject-damaged-"));
    writePod(dir, { pool: ["127.0.0.1", MAIN, "127.0.0.3"], replace: { "6379": String(port) } });
    // only the Sentinels are stand-ins
    fs.mkdirSync(at("bin"));
    const real = spawnSync("sh", ["-c", "command -v redis-cli"], { encoding: "utf8" }).stdout.trim();
    const stand = `#!/bin/sh\ncase " $* " in *" -p 2${port} "*) printf 'OK\\n${MAIN}\\n${port}\\n' ;; *) exec ${real} "$@" ;; esac\n`;
    fs.writeFileSync(at("bin/redis-cli"), stand, { mode: 0o755 });

    const resp = (...words: string[]) => `*${words.length}\r\n${words.map((w) => `$${w.length}\r\n${w}\r\n`).join("")}`;
    const writes = Array.from({ length: 40 }, (_, i) => resp("SET", `key-${i}`, "x".repeat(100_000)));
    const file = at("data/appendonlydir/appendonly.aof.1.incr.aof");
    fs.mkdirSync(path.dirname(file));
    fs.writeFileSync(file, [resp("SELECT", "0"), ...writes].join(""));
    fs.writeFileSync(`${path.dirname(file)}/appendonly.aof.manifest`, "file appendonly.aof.1.incr.aof seq 1 type i\n");
    start();
    await loaded();
    expect(info("keyspace")).toContain("db0:keys=40");
    await stop();

    const good = [resp("SELECT", "0"), ...writes.slice(0, 20)].join("").length;
    const whole = fs.openSync(file, "r+");
    fs.writeSync(whole, "garbage", good);
    fs.closeSync(whole);
    const damaged = fs.readFileSync(file);
    // the file ends like a command, so only the failed start shows that it is damaged
    start();
    await exited;
    start();
    await loaded();
    expect(info("keyspace")).not.toContain("db0");
    expect(fs.readFileSync(at("data/damaged/appendonlydir/appendonly.aof.1.incr.aof")).equals(damaged)).toBe(true);
    expect(fs.readFileSync(at("log"), "utf8")).toContain(
      `incr.aof is damaged after byte ${good} of ${damaged.length}: set aside in ${at("data")}/damaged, for a fresh copy of main`,
    );
  }, 60_000);
});
