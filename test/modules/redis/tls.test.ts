/** Redis over TLS: the pods' scripts and files with real redis-server processes. */
import { execFileSync, spawn, spawnSync, type ChildProcess } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { TLS_NAMES } from "../../../modules/redis/tls";
import { Authority, hasOpenssl } from "../../helpers/authority";
import { synthesize } from "../../helpers/layers";
import { hasRedis, PASSWORD, runScript, writePod } from "../../helpers/redis-pod";

if (!hasRedis || !hasOpenssl) console.warn("SKIPPED: Redis over TLS: redis-server or openssl is not installed");
const suite = hasRedis && hasOpenssl ? describe : describe.skip;

suite("Redis over TLS", () => {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), "iacproject-tls-"));
  const authority = hasOpenssl ? new Authority() : undefined!;
  const children: ChildProcess[] = [];
  const [mainPort, replicaPort] = [22379 + (process.pid % 500) * 2, 22380 + (process.pid % 500) * 2];
  const pod = (port: number) => path.join(dir, String(port));
  const env = (port: number) => ({
    PATH: `${path.join(pod(port), "etc")}:${process.env["PATH"]}`,
    WATCH_SECONDS: "0.3",
    NAMESPACE: "shop",
    POD: "redis-main-0",
  });
  const start = (port: number, script: string) => {
    const replace = { "6379": String(port), [`replicaof redis-main ${port}`]: `replicaof localhost ${mainPort}` };
    writePod(pod(port), { tls: true, replace });
    authority.issue(path.join(pod(port), "tls"), ...TLS_NAMES);
    // allows the start on an empty volume
    fs.writeFileSync(path.join(pod(port), "start-empty", "on"), new Date().toISOString().slice(0, 10));
    // its own process group, because the script also starts a watcher
    const child = spawn("sh", [path.join(pod(port), "etc", script)], {
      env: env(port),
      stdio: "ignore",
      detached: true,
    });
    children.push(child);
  };
  const probe = (port: number, ...args: string[]) => runScript(pod(port), ["probe.sh", ...args]).status === 0;
  const admin = (port: number, ...args: string[]) =>
    execFileSync("redis-cli", ["-p", String(port), "--user", "admin", ...args], {
      env: { ...env(port), REDISCLI_AUTH: PASSWORD },
    })
      .toString()
      .trim();
  /** Serial number of the certificate that the server presents. */
  const servedSerial = (port: number): string => {
    const { stdout } = spawnSync("openssl", ["s_client", "-connect", `127.0.0.1:${port}`], {
      input: "",
      encoding: "utf8",
    });
    return spawnSync("openssl", ["x509", "-noout", "-serial"], { input: stdout, encoding: "utf8" }).stdout.trim();
  };
  const until = async (what: string, condition: () => boolean) => {
    for (let i = 0; i < 150 && !condition(); i++) await new Promise((resolve) => setTimeout(resolve, 100));
    expect([what, condition()]).toEqual([what, true]);
  };
  afterAll(() => {
    for (const child of children) process.kill(-child.pid!, "SIGKILL");
    fs.rmSync(dir, { recursive: true, force: true });
    authority.remove();
  });

  it("starts main and a replica that syncs from it, both Ready by the same probes", async () => {
    start(mainPort, "start-main.sh");
    await until("main to be ready", () => probe(mainPort, "main"));
    start(replicaPort, "start-replica.sh");
    await until("the replica to be ready", () => probe(replicaPort, "replica", "60"));
    expect(admin(mainPort, "SET", "a", "1")).toBe("OK");
    await until("the copy", () => admin(replicaPort, "GET", "a") === "1");
  }, 60_000);

  it("does not answer plaintext connections", () => {
    const plain = spawnSync("sh", [
      "-c",
      `printf 'PING\\r\\n' | timeout 3 bash -c 'exec 3<>/dev/tcp/127.0.0.1/${mainPort}; cat >&3; timeout 1 cat <&3'`,
    ]);
    expect(plain.stdout.toString()).not.toContain("PONG");
    expect(plain.stdout.toString()).not.toContain("NOAUTH");
  });

  it("loads a renewed certificate without an interruption, and keeps the old one if the new one is damaged", async () => {
    const before = servedSerial(mainPort);
    expect(before).toMatch(/^serial=\w+/);
    authority.issue(path.join(pod(mainPort), "tls"), ...TLS_NAMES);
    await until("the new certificate", () => servedSerial(mainPort) !== before);
    const renewed = servedSerial(mainPort);
    const files = path.join(pod(mainPort), "tls");
    fs.writeFileSync(path.join(files, "tls.crt"), "damaged");
    await new Promise((resolve) => setTimeout(resolve, 1500));
    expect(servedSerial(mainPort)).toBe(renewed);
    expect(probe(replicaPort, "replica", "0")).toBe(true);
  }, 60_000);
});

describe("with redis.tls.secret", () => {
  const stacks = synthesize({
    redis: { tls: { secret: "our-cert" }, durability: "ha", backup: { schedule: "@daily" } },
  });
  const text = JSON.stringify(stacks);
  type Volume = { secret?: { secretName?: string; items?: { key: string }[] } };
  type Pod = { containers: { name: string }[]; volumes: Volume[] };
  const pods: Pod[] = [];
  const collect = (value: unknown): void => {
    if (typeof value !== "object" || value === null) return;
    if ("containers" in value && "volumes" in value) pods.push(value as Pod);
    Object.values(value).forEach(collect);
  };
  collect(stacks);

  it("every workload that connects to Redis has the CA certificate, only servers have the key", () => {
    const keys = Object.fromEntries(
      pods.map((pod) => [
        pod.containers[0]!.name + (pod.containers.length > 1 ? "…" : ""),
        pod.volumes.find((v) => v.secret?.secretName === "our-cert")?.secret?.items?.map((item) => item.key),
      ]),
    );
    expect(keys).toEqual({
      "redis…": ["ca.crt", "tls.crt", "tls.key"],
      redis: ["ca.crt", "tls.crt", "tls.key"],
      exporter: ["ca.crt"],
      backup: ["ca.crt"],
      node: ["ca.crt"],
      react: undefined,
    });
  });
  it("clients are configured to use it", () => {
    expect(text).toContain("REDIS_TLS_CA_FILE");
    expect(text).toContain("rediss://$1:6379");
    expect(text).toContain("--tls-ca-cert-file=");
  });
  it("no server listens without TLS", () => {
    expect(text).toContain("port 0\\ntls-port 6379");
    expect(text).toContain("port 0\\ntls-port 26379");
    expect(text).not.toMatch(/\\nport 6379/);
  });
});
