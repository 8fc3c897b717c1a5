/** Scheduled backups: the script against a real redis-server with the project's own users, and what reaches the cluster. */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { createHash, createHmac } from "node:crypto";
import * as fs from "node:fs";
import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import * as os from "node:os";
import * as path from "node:path";
import { chosen } from "../../../scripts/commands/backup";
import { checkSnapshot } from "../../../scripts/redis/rdb-check";
import { type Json, resources, synthesize } from "../../helpers/layers";
import { containersOf, faults } from "../../helpers/pods";
import { hasRedis, PASSWORD, runScript, writePod } from "../../helpers/redis-pod";

if (!hasRedis) console.warn("SKIPPED: backups were not made: redis-server is not installed");
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
  const names = () => fs.readdirSync(backups).sort();

  beforeAll(async () => {
    fs.mkdirSync(backups, { recursive: true });
    writePod(dir, { replace: { "6379": String(port), "/backups": backups } });
    // the client's own port is the usual one
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
    for (const name of fs.readdirSync(backups)) fs.rmSync(path.join(backups, name));
    fs.rmSync(path.join(dir, "termination-log"), { force: true });
  });
  afterAll(() => {
    main.kill("SIGKILL");
    fs.rmSync(dir, { recursive: true, force: true });
  });

  it("is a whole snapshot with the time for its name, made as a user that may do nothing else", () => {
    const { status, stdout, stderr } = run(7);
    expect([status, stderr]).toEqual([0, ""]);
    expect(stdout).toMatch(/^\d{4}-\d\d-\d\dT[\d-]+Z\.rdb: 1 keys read, \d+ bytes\n$/);
    expect(checkSnapshot(path.join(backups, names()[0]!))).toMatchObject({ checked: true });
  });
  it("lets the oldest go, and what an interrupted one left", () => {
    for (const name of ["2020-01-01T00-00-00Z.rdb", "2021-01-01T00-00-00Z.rdb", ".part"])
      fs.writeFileSync(path.join(backups, name), "x");
    expect(run(2).status).toBe(0);
    expect(names()).toEqual(["2021-01-01T00-00-00Z.rdb", expect.stringMatching(/^20(2[2-9]|[3-9])/)]);
  });
  it("that cannot be made says why, and takes none away", () => {
    fs.writeFileSync(path.join(backups, "2020-01-01T00-00-00Z.rdb"), "x");
    admin("ACL", "SETUSER", "backup", "off");
    const { status } = run(1);
    admin("ACL", "SETUSER", "backup", "on");
    expect(status).toBe(1);
    expect(fs.readFileSync(path.join(dir, "termination-log"), "utf8")).toMatch(/^No backup: [^]*(AUTH|PASS)/);
    expect(names()).toEqual(["2020-01-01T00-00-00Z.rdb"]);
  });
  it("waits for a main that cannot be reached yet: policies take a moment to know a new pod", async () => {
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
  it("that is wanted back is found by its name or as the latest; another name is refused with those there are", () => {
    const there = [
      { name: "b.rdb", bytes: 2 },
      { name: "a.rdb", bytes: 1 },
    ];
    expect(chosen(there, "latest").name).toBe("b.rdb");
    expect(chosen(there, "a.rdb").bytes).toBe(1);
    expect(() => chosen(there, "c.rdb")).toThrow("There is no backup c.rdb; there are b.rdb, a.rdb.");
    expect(() => chosen([], "latest")).toThrow("There is no backup yet.");
  });
});

describe("backups by configuration", () => {
  const objects = (over: object = {}) =>
    resources(synthesize(over), "kubernetes_manifest").map((r) => r.body["manifest"] as Json);
  const scheduled = { redis: { backup: { schedule: "17 3 * * *", keep: 3 } } };
  const job = objects(scheduled).find((o) => o["kind"] === "CronJob");

  it("are none until somebody says when", () => {
    expect(objects().some((o) => o["kind"] === "CronJob")).toBe(false);
    expect(resources(synthesize(), "kubernetes_persistent_volume_claim_v1")).toEqual([]);
  });
  it("come at that time, one after the other, by a pod that Pod Security restricted allows", () => {
    expect(job!["spec"]).toMatchObject({ schedule: "17 3 * * *", timeZone: "Etc/UTC", concurrencyPolicy: "Forbid" });
    const pod = job!["spec"].jobTemplate.spec.template.spec;
    for (const container of containersOf(pod)) expect(faults(pod, container)).toEqual([]);
    expect(pod.containers[0].command.slice(-2)).toEqual(["redis-main", "3"]);
    const secret = pod.volumes.find((v: Json) => v["secret"]).secret;
    expect(secret.items).toEqual([{ key: "backup", path: "backup" }]);
  });
  it("into a bucket are made first, then uploaded by a container that has its keys and no password of Redis", () => {
    const s3 = { endpoint: "https://s3.example:9000/", bucket: "keep", folder: "a/b", secret: "bucket-keys" };
    const over = { redis: { backup: { ...scheduled.redis.backup, s3 } } };
    const found = objects(over).find((o) => o["kind"] === "CronJob")!["spec"].jobTemplate.spec.template.spec;
    expect(found.initContainers.map((c: Json) => c["name"])).toEqual(["backup"]);
    const [upload] = found.containers;
    expect(upload.command.slice(-2)).toEqual(["https://s3.example:9000/keep/a/b", "us-east-1"]);
    for (const container of containersOf(found)) expect(faults(found, container)).toEqual([]);
    expect(resources(synthesize(over), "kubernetes_persistent_volume_claim_v1")).toEqual([]);
    const policy = resources(synthesize(over), "kubernetes_network_policy_v1").find(
      (r) => r.body["metadata"].name === "redis-backup",
    )!.body["spec"];
    expect(policy.egress).toContainEqual({ to: [], ports: [{ port: "9000", protocol: "TCP" }] });
  });
  it("lie on a volume that is made once the quota has room for it", () => {
    const over = { ...scheduled, namespaces: { quota: true } };
    const [claim] = resources(synthesize(over), "kubernetes_persistent_volume_claim_v1");
    expect(JSON.stringify(claim!.body["depends_on"])).toContain("kubernetes_resource_quota_v1.");
  });
  it("into a bucket need its name and its keys", () => {
    const endpoint = "https://s3.example";
    expect(() => synthesize({ redis: { backup: { schedule: "@daily", s3: { endpoint } } } })).toThrow(
      "needs redis.backup.s3.bucket and redis.backup.s3.secret",
    );
  });
  it("reach main and names, and nothing else", () => {
    const policies = resources(synthesize(scheduled), "kubernetes_network_policy_v1").map((r) => r.body);
    const own = policies.find((p) => p["metadata"].name === "redis-backup")!["spec"];
    expect(own.ingress).toEqual([]);
    expect(own.egress.map((e: Json) => e["ports"][0].port).sort()).toEqual(["53", "53", "6379"]);
    expect(policies.filter((p) => p["metadata"].name === "redis-backup")).toHaveLength(1);
  });
  it.each(["every day", "61", "* * * *", "@sometimes"])("refuse %p as a time", (schedule) => {
    expect(() => synthesize({ redis: { backup: { schedule } } })).toThrow(/redis\.backup\.schedule/);
  });
});

const hasCurl = /^curl (\d+)\.(\d+)/.exec(spawnSync("curl", ["--version"], { encoding: "utf8" }).stdout ?? "");
const signs = hasCurl !== null && Number(hasCurl[1]) * 1000 + Number(hasCurl[2]) >= 7087;
if (!signs) console.warn("SKIPPED: uploading backups: curl 7.87 or later is not installed");

(signs ? describe : describe.skip)("a backup's upload", () => {
  const KEY = { id: "AKEXAMPLE", secret: "s/e+c=ret" };
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), "iacproject-upload-"));
  const backups = path.join(dir, "backups");
  const stored = new Map<string, Buffer>();
  let bucket: Server;
  let address: string;
  let damages = false;

  /** The signature that a storage expects (AWS Signature Version 4), of a request as it came. */
  function expected(request: IncomingMessage): string {
    const { authorization = "" } = request.headers;
    const [, day, region, names] = /Credential=\w+\/(\d+)\/([\w-]+)\/s3\/aws4_request, ?SignedHeaders=([\w;-]+)/.exec(
      authorization,
    )!;
    const headers = names!.split(";").map((name) => `${name}:${String(request.headers[name])}\n`);
    const hash = String(request.headers["x-amz-content-sha256"]);
    const canonical = [request.method, request.url, "", headers.join(""), names, hash].join("\n");
    const scope = `${day}/${region}/s3/aws4_request`;
    const digest = createHash("sha256").update(canonical).digest("hex");
    const text = ["AWS4-HMAC-SHA256", request.headers["x-amz-date"], scope, digest].join("\n");
    const hmac = (key: string | Buffer, data: string) => createHmac("sha256", key).update(data).digest();
    const key = scope.split("/").reduce<string | Buffer>((k, part) => hmac(k, part), `AWS4${KEY.secret}`);
    return hmac(key, text).toString("hex");
  }

  beforeAll(async () => {
    writePod(dir, { replace: { "/backups": backups, "/run/secrets/s3": path.join(dir, "keys") } });
    fs.mkdirSync(backups);
    fs.mkdirSync(path.join(dir, "keys"));
    fs.writeFileSync(path.join(dir, "keys/access-key-id"), KEY.id);
    bucket = createServer((request, response) => {
      const signature = /Signature=(\w+)/.exec(request.headers.authorization ?? "")?.[1];
      if (signature !== expected(request)) {
        response.writeHead(403).end("<Code>SignatureDoesNotMatch</Code>");
        return;
      }
      const body: Buffer[] = [];
      request.on("data", (chunk: Buffer) => body.push(chunk));
      request.on("end", () => {
        if (request.method === "PUT") stored.set(request.url!, Buffer.concat(body));
        response.end(request.method === "GET" ? (damages ? "damaged" : stored.get(request.url!)) : "");
      });
    }).listen(0, "127.0.0.1");
    await new Promise((resolve) => bucket.once("listening", resolve));
    address = `http://127.0.0.1:${(bucket.address() as AddressInfo).port}`;
  });
  beforeEach(() => {
    fs.writeFileSync(path.join(dir, "keys/secret-access-key"), KEY.secret);
    fs.writeFileSync(path.join(backups, "2026-01-02T03-04-05Z.rdb"), Buffer.from([0, 255, 10, 13]));
    damages = false;
  });
  afterAll(() => {
    bucket.close();
    fs.rmSync(dir, { recursive: true, force: true });
  });
  /** Beside the storage, which is in this process. */
  const upload = () =>
    new Promise<{ status: number | null; out: string }>((resolve) => {
      const script = path.join(dir, "etc/upload-backup.sh");
      const child = spawn("sh", [script, `${address}/keep/redis`, "eu-west-1"], { stdio: ["ignore", "pipe", "pipe"] });
      let out = "";
      for (const stream of [child.stdout, child.stderr])
        stream.on("data", (chunk: Buffer) => (out += chunk.toString()));
      child.once("close", (status) => resolve({ status, out }));
    });

  it("is signed, and compared with what comes back", async () => {
    expect(await upload()).toEqual({
      status: 0,
      out: expect.stringMatching(/^2026-01-02T03-04-05Z\.rdb: 4 bytes in http/),
    });
    expect(stored.get("/keep/redis/2026-01-02T03-04-05Z.rdb")).toEqual(Buffer.from([0, 255, 10, 13]));
  }, 30_000);
  it("with a wrong key fails, and says what the storage said", async () => {
    fs.writeFileSync(path.join(dir, "keys/secret-access-key"), "wrong");
    const { status, out } = await upload();
    expect([status, out]).toEqual([1, expect.stringContaining("No backup: the upload failed")]);
    expect(out).toContain("403");
    expect(out).not.toContain("wrong");
  }, 30_000);
  it("that comes back damaged is none", async () => {
    damages = true;
    expect(await upload()).toEqual({ status: 1, out: "No backup: what came back is not what was uploaded\n" });
  }, 30_000);
});
