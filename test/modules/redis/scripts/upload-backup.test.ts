import { spawn, spawnSync } from "node:child_process";
import { createHash, createHmac } from "node:crypto";
import * as fs from "node:fs";
import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import * as os from "node:os";
import * as path from "node:path";
import { writePod } from "../../../helpers/redis-pod";

const hasCurl = /^curl (\d+)\.(\d+)/.exec(spawnSync("curl", ["--version"], { encoding: "utf8" }).stdout ?? "");
const signs = hasCurl !== null && Number(hasCurl[1]) * 1000 + Number(hasCurl[2]) >= 7087;
if (!signs) console.warn("SKIPPED: backup uploads: curl 7.87 or later is not installed");

(signs ? describe : describe.skip)("a backup's upload", () => {
  const KEY = { id: "AKEXAMPLE", secret: "s/e+c=ret" };
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), "iacproject-upload-"));
  const backups = path.join(dir, "backups");
  const stored = new Map<string, Buffer>();
  let bucket: Server;
  let address: string;
  let damages = false;

  /** The signature that an S3 storage expects for a request (AWS Signature Version 4). */
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
  /** Asynchronous, because the storage runs in this process. */
  const upload = () =>
    new Promise<{ status: number | null; out: string }>((resolve) => {
      const script = path.join(dir, "etc/upload-backup.sh");
      const child = spawn("sh", [script, `${address}/keep/redis`, "eu-west-1"], { stdio: ["ignore", "pipe", "pipe"] });
      let out = "";
      for (const stream of [child.stdout, child.stderr])
        stream.on("data", (chunk: Buffer) => (out += chunk.toString()));
      child.once("close", (status) => resolve({ status, out }));
    });

  it("is signed, and verified by downloading it again", async () => {
    expect(await upload()).toEqual({
      status: 0,
      out: expect.stringMatching(/^2026-01-02T03-04-05Z\.rdb: 4 bytes in http/),
    });
    expect(stored.get("/keep/redis/2026-01-02T03-04-05Z.rdb")).toEqual(Buffer.from([0, 255, 10, 13]));
  }, 30_000);
  it("with a wrong key fails, and reports the response of the storage", async () => {
    fs.writeFileSync(path.join(dir, "keys/secret-access-key"), "wrong");
    const { status, out } = await upload();
    expect([status, out]).toEqual([1, expect.stringContaining("Backup failed: cannot upload")]);
    expect(out).toContain("403");
    expect(out).not.toContain("wrong");
  }, 30_000);
  it("fails if the download is damaged", async () => {
    damages = true;
    expect(await upload()).toEqual({
      status: 1,
      out: "Backup failed: the downloaded file differs from the uploaded one\n",
    });
  }, 30_000);
});
