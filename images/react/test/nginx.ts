/** The image's nginx on this machine: its own scripts and configuration, with paths of a folder of the test. */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { chmodSync, cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

const source = resolve(import.meta.dirname, "../nginx");

/** Says why where it is not there. */
export function hasNginx(what: string): boolean {
  try {
    execFileSync("nginx", ["-v"], { stdio: "ignore" });
    execFileSync("envsubst", ["--version"], { stdio: "ignore" });
    return true;
  } catch {
    console.warn(`SKIPPED: ${what}: nginx or envsubst is not installed`);
    return false;
  }
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await new Promise((done) => server.once("listening", done));
  const { port } = server.address() as AddressInfo;
  await new Promise((done) => server.close(done));
  return port;
}

export class Nginx {
  readonly dir = mkdtempSync(join(tmpdir(), "page-"));
  readonly root = join(this.dir, "html");
  address = "";
  private readonly processes: ChildProcess[] = [];

  constructor() {
    // nginx started by root reads its files as another user
    chmodSync(this.dir, 0o755);
  }

  /** Paths of the image to paths of the test. */
  private local(text: string): string {
    return text
      .replaceAll("/tmp/", `${this.dir}/`)
      .replaceAll("/etc/nginx/mime.types", "@mime@")
      .replaceAll("/etc/nginx/", `${source}/`)
      .replaceAll("@mime@", "/etc/nginx/mime.types")
      .replaceAll("/usr/share/nginx/html", this.root)
      .replaceAll("/dev/stdout", join(this.dir, "access.log"));
  }

  /** What the image's start script makes of its environment. */
  render(env: Record<string, string>): string {
    execFileSync("sh", ["-c", this.local(readFileSync(join(source, "40-render.sh"), "utf8"))], {
      env: { PATH: process.env["PATH"]!, ...env },
      stdio: ["ignore", "ignore", "pipe"],
    });
    const file = join(this.dir, "nginx.conf");
    const text = readFileSync(file, "utf8");
    writeFileSync(file, this.local(text));
    return text;
  }

  /** @param files folder with the page; @param apiUrl where the API is */
  async start(files: string, apiUrl: string): Promise<this> {
    cpSync(files, this.root, { recursive: true });
    chmodSync(this.root, 0o755);
    const port = await freePort();
    this.address = `http://127.0.0.1:${port}`;
    this.render({ API_URL: apiUrl, PORT: String(port) });
    const metrics = this.local(readFileSync(join(source, "50-metrics.sh"), "utf8"));
    // its loops outlive the script: a group of its own, ended as one
    this.processes.push(spawn("sh", ["-c", `${metrics}\nwait`], { stdio: "inherit", detached: true }));
    await new Promise((done) => setTimeout(done, 200));
    this.processes.push(
      spawn("nginx", ["-c", join(this.dir, "nginx.conf"), "-g", "daemon off;"], { stdio: "ignore", detached: true }),
    );
    for (let i = 0; i < 100; i++) {
      if (
        await fetch(`${this.address}/healthz`)
          .then((r) => r.ok)
          .catch(() => false)
      )
        return this;
      await new Promise((done) => setTimeout(done, 50));
    }
    throw new Error("nginx did not start");
  }

  async stop(): Promise<void> {
    for (const child of this.processes) {
      if (child.exitCode !== null || child.signalCode !== null) continue;
      const gone = new Promise((done) => child.once("exit", done));
      process.kill(-child.pid!, "SIGTERM");
      await gone;
    }
    rmSync(this.dir, { recursive: true });
  }
}
