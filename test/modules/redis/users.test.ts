/** What each Redis user may and may not do, with the project's ACL rules in a real redis-server. */
import { type ChildProcess, execFileSync, spawn, spawnSync } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import {
  REDIS_USERS,
  redisUserNames,
  redisUsers,
  sentinelUsers,
  type RedisUserName,
} from "../../../modules/redis/users";
import { resources, synthesize, workload, type Json } from "../../helpers/layers";
import { hasRedis, PASSWORD, runScript, writePod } from "../../helpers/redis-pod";

if (!hasRedis) console.warn("SKIPPED: Redis users: redis-server is not installed");
const suite = hasRedis ? describe : describe.skip;

suite("Redis users", () => {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), "iacproject-users-"));
  const socket = path.join(dir, "redis.sock");
  const CLI = execFileSync("sh", ["-c", "command -v redis-cli"], { encoding: "utf8" }).trim();
  let server: ChildProcess;
  const as = (user: string, command: string, password = PASSWORD) =>
    spawnSync("redis-cli", ["-s", socket, "--user", user, "--pass", password, "--no-auth-warning"], {
      input: `${command}\n`,
      encoding: "utf8",
      timeout: 5000,
    }).stdout.trim();
  const may = (user: RedisUserName, command: string) => as("admin", `ACL DRYRUN ${user} ${command}`) === "OK";

  beforeAll(async () => {
    writePod(dir, { pool: ["127.0.0.1"] });
    // where the scripts expect it
    fs.mkdirSync(path.join(dir, "bin"));
    fs.writeFileSync(path.join(dir, "bin/redis-cli"), `#!/bin/sh\nexec ${CLI} -s ${socket}\n`, { mode: 0o755 });
    runScript(dir, ["access.sh", "users"]);
    const access = path.join(dir, "run");
    server = spawn(
      "redis-server",
      [
        path.join(access, "replication.conf"),
        ...["--aclfile", path.join(access, "users.acl"), "--port", "0", "--unixsocket", socket, "--save", ""],
      ],
      { cwd: dir, stdio: "ignore" },
    );
    for (let i = 0; i < 100 && as("admin", "PING") !== "PONG"; i++) await new Promise((r) => setTimeout(r, 50));
  });
  afterAll(() => {
    server.kill("SIGKILL");
    fs.rmSync(dir, { recursive: true, force: true });
  });

  it("are required: a client without a login or with a wrong password has no permissions", () => {
    expect(spawnSync("redis-cli", ["-s", socket, "PING"], { encoding: "utf8" }).stdout).toContain("NOAUTH");
    expect(as("api-read", "GET k", "wrong")).toContain("NOAUTH");
    expect(as("default", "PING", "")).not.toContain("PONG");
  });

  const reads = ["GET k", "GETRANGE k 0 9", "STRLEN k", "EXISTS k", "SCAN 0", "INFO replication"];
  const writes = ["SET k v", "DEL k"];
  const dangerous = [
    ...["FLUSHALL", "KEYS *", "CONFIG GET masterauth", "CONFIG SET dir /", "SWAPDB 0 1"],
    ...[
      "ACL LIST",
      "SHUTDOWN NOSAVE",
      "REPLICAOF 10.0.0.1 6379",
      "MODULE LIST",
      "PSYNC ? -1",
      "CLIENT KILL TYPE normal",
    ],
  ];
  it.each<[RedisUserName, string[], string[]]>([
    ["api-read", reads, [...writes, ...dangerous, "EVAL 'return 1' 0"]],
    ["api-write", [...reads, ...writes, "WAIT 0 1", "SELECT 1", "EVAL 'return 1' 0", "EVALSHA x 0"], dangerous],
    ["exporter", ["INFO ALL", "SLOWLOG GET 1", "LATENCY LATEST"], ["GET k", ...writes, ...dangerous]],
    [
      "probe",
      ["PING", "INFO", "DBSIZE", "SELECT 1", "GET commit"],
      [...reads.slice(0, 4), ...writes, "SET commit 1", "ACL LIST", "FLUSHALL", "EVAL 'return 1' 0"],
    ],
    [
      "replication",
      ["REPLCONF listening-port 1"],
      [...reads, ...writes, ...dangerous.filter((c) => !c.startsWith("PSYNC"))],
    ],
    ["admin", [...reads, ...writes, "ACL LIST"], ["FLUSHALL", "FLUSHDB", "KEYS *", "SWAPDB 0 1", "MODULE LIST"]],
  ])("%s: the minimum that it needs", (user, allowed, refused) => {
    for (const command of allowed) expect([command, may(user, command)]).toEqual([command, true]);
    for (const command of refused) expect([command, may(user, command)]).toEqual([command, false]);
  });

  it("accept the next password, then the previous one, without a restart, and neither once its file is deleted", () => {
    const put = (files: Record<string, string | undefined>) => {
      for (const [name, text] of Object.entries(files)) {
        const file = path.join(dir, "secret", name);
        fs.rmSync(file, { force: true });
        if (text !== undefined) fs.writeFileSync(file, text);
      }
      expect(runScript(dir, ["reload-access.sh", "redis"])).toMatchObject({ status: 0, stderr: "" });
    };
    const known = () => [PASSWORD, "new"].map((password) => as("probe", "PING", password) === "PONG");
    put({ "probe.next": "new" });
    expect(known()).toEqual([true, true]);
    put({ probe: "new", "probe.next": undefined, "probe.old": PASSWORD });
    expect(known()).toEqual([true, true]);
    put({ "probe.old": undefined });
    expect(known()).toEqual([false, true]);
  });
  it("replicas log in to main with the current password", () => {
    fs.rmSync(path.join(dir, "secret/replication"));
    fs.writeFileSync(path.join(dir, "secret/replication"), "changed");
    runScript(dir, ["reload-access.sh", "redis"]);
    expect(as("admin", "CONFIG GET masterauth")).toContain("changed");
  });
  it("that cannot be loaded cause an error with the reason", () => {
    fs.rmSync(path.join(dir, "secret/admin"));
    fs.writeFileSync(path.join(dir, "secret/admin"), "unknown here");
    const { status, stderr } = runScript(dir, ["reload-access.sh", "redis"]);
    expect([status, stderr]).toEqual([1, expect.stringMatching(/^ACL LOAD: (NOAUTH|WRONGPASS)/)]);
    fs.writeFileSync(path.join(dir, "secret/admin"), PASSWORD);
  });

  it("of a member include a separate one for the other members, with the password of replication, and no login on main", () => {
    const written = (name: string) => fs.readFileSync(path.join(dir, "run", name), "utf8");
    fs.writeFileSync(path.join(dir, "run/member"), "2\n");
    for (const name of ["users", "sentinel-users"]) runScript(dir, ["access.sh", name]);
    fs.rmSync(path.join(dir, "run/member"));
    const rules = (user: string) => new RegExp(`^user ${user} (.*)$`, "m").exec(written("users.acl"))?.[1];
    expect(rules("member-2")).toBe(rules("replication"));
    expect(rules("member-2")).toContain("+psync");
    expect(written("sentinel-users.acl")).not.toContain("member-");
    expect(written("replication.conf")).toContain("masteruser unverified\n");
    runScript(dir, ["access.sh", "users"]);
    expect(written("users.acl")).not.toContain("member-");
    expect(written("replication.conf")).toContain("masteruser replication\n");
  });

  describe("of a member, for the API's writes", () => {
    const pool = () => fs.readFileSync(path.join(dir, "etc/pool"), "utf8");
    const writers = (...files: [name: string, text: string][]) => {
      for (const [name, text] of [["run/member", "2\n"], ...files] as const) {
        fs.mkdirSync(path.dirname(path.join(dir, name)), { recursive: true });
        fs.writeFileSync(path.join(dir, name), text);
      }
      runScript(dir, ["access.sh", "users"]);
      const acl = fs.readFileSync(path.join(dir, "run/users.acl"), "utf8");
      for (const name of ["run/member", "data/sentinel"])
        fs.rmSync(path.join(dir, name), { recursive: true, force: true });
      return Object.fromEntries([...acl.matchAll(/^user (api-write|api-commit) (.*)$/gm)].map(([, ...pair]) => pair));
    };
    it.each<[string, [string, string][]]>([
      ["on a new volume, or that of a single main", []],
      ["on the volume of another group", [["data/sentinel/pool", "10.9.9.9\n"]]],
    ])("are only those with a commit record, because the API of a single main may still run: %s", (_, files) => {
      expect(Object.keys(writers(...files))).toEqual(["api-commit"]);
    });
    it("are only those with a commit record also once the volume belongs to the group that this version created", () => {
      const files: [string, string][] = [
        ["data/sentinel/pool", pool()],
        ["data/sentinel/commits", ""],
      ];
      expect(Object.keys(writers(...files))).toEqual(["api-commit"]);
    });
    it("include those of the previous version's API in a group that this version has not created, during an upgrade", () => {
      const found = writers(["data/sentinel/pool", pool()]);
      expect(Object.keys(found)).toEqual(["api-commit", "api-write"]);
      expect(found["api-commit"]).toBe(found["api-write"]);
    });
  });

  it("are stored with hashed passwords only", () => {
    const file = path.join(dir, "run/users.acl");
    expect(fs.readFileSync(file, "utf8")).not.toContain(PASSWORD);
    expect(fs.statSync(file).mode & 0o077).toBe(0);
  });
});

describe("the table of users", () => {
  const names = (text: string) =>
    text
      .trim()
      .split("\n")
      .map((line) => line.split(" ")[0]);
  it("contains Sentinel, and the rules that only a Sentinel group needs, only for durability ha", () => {
    expect(names(redisUsers(false))).toEqual(redisUserNames.filter((n) => n !== "sentinel"));
    expect(names(redisUsers(true))).toEqual(redisUserNames);
    expect(redisUsers(false)).not.toMatch(/waitaof|config\|set|eval|commit/);
    expect(redisUsers(true)).toContain("+waitaof");
    expect(names(sentinelUsers())).toEqual(["admin", "api-write", "probe", "sentinel"]);
  });
  it("has no double spaces, and no names that a shell would split", () => {
    for (const name of Object.keys(REDIS_USERS)) expect(name).toMatch(/^[a-z-]+$/);
    expect(redisUsers(true) + sentinelUsers()).not.toMatch(/ {2}|['"$`\\]/);
  });
});

describe("the passwords", () => {
  const { data } = synthesize();
  it("are ephemeral, one per user, and written to their Secret by a write-only attribute", () => {
    expect(data["ephemeral"].random_password.redis_users_api_read).toMatchObject({ length: 32 });
    const secret = resources({ data }, "kubernetes_secret_v1")
      .map((r) => r.body)
      .find((b) => b["metadata"].name === "redis-users")!;
    expect(secret["data"]).toBeUndefined();
    expect(Object.keys(secret["data_wo"]).sort()).toEqual([...redisUserNames].sort());
    expect(new Set(Object.values(secret["data_wo"])).size).toBe(redisUserNames.length);
    expect(secret["data_wo"]["api-read"]).toBe("${ephemeral.random_password.redis_users_api_read.result}");
    expect(secret["data_wo_revision"]).toBe(1);
  });
  it("are mounted as files (the exporter's pod has only its own), and are not in any container's environment", () => {
    const items: Record<string, unknown> = {};
    for (const name of ["redis-main", "redis-replicas", "redis-exporter"]) {
      const { spec } = workload({ data }, name)["spec"].template;
      const volume = spec.volumes.find((v: Json) => v["secret"]?.secretName.includes("redis-users"));
      items[name] = volume.secret.items;
      for (const c of [...spec.containers, ...(spec.initContainers ?? [])]) {
        expect(JSON.stringify(c.env ?? [])).not.toMatch(/secret|password|redis_users/i);
      }
    }
    const exporter = [{ key: "exporter", path: "exporter" }];
    // a server needs all of them
    expect(items).toEqual({ "redis-main": undefined, "redis-replicas": undefined, "redis-exporter": exporter });
  });
});
