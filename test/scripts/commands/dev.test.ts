/** `npm run dev` as a user runs it: real processes, ended by an interrupt. */
import { execFileSync, spawn, spawnSync } from "node:child_process";
import { createServer } from "node:net";
import path from "node:path";
import { pathToFileURL } from "node:url";

const root = path.resolve(__dirname, "..", "..", "..");
// as scripts/bootstrap.mjs starts it: tsx's own command kills a busy program that it has interrupted
const tsx = pathToFileURL(path.join(root, "node_modules", "tsx", "dist", "loader.mjs")).href;
const cli = ["--import", tsx, path.join(root, "scripts", "cli.ts")];
const dev = [...cli, "dev"];
const hasRedis = spawnSync("redis-server", ["--version"]).status === 0;
if (!hasRedis) console.warn("SKIPPED: `npm run dev` is not tested, because redis-server is not installed");

const freePort = (): Promise<number> =>
  new Promise((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
/** Processes whose command line contains `text`. */
const processes = (text: string): string[] =>
  execFileSync("ps", ["-eo", "args"], { encoding: "utf8" })
    .split("\n")
    .filter((line) => line.includes(text));

(hasRedis ? it : it.skip)(
  "`npm run dev` runs the page, the API and Redis with two replicas, and an interrupt ends all of them",
  async () => {
    const port = await freePort();
    const child = spawn(process.execPath, [...dev, "--port", String(port)], { cwd: root });
    let output = "";
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (data: Buffer) => (output += data.toString()));
    const page = `http://localhost:${port}`;
    try {
      for (let i = 0; !output.includes("Ctrl+C stops everything"); i++) {
        if (i > 600 || child.exitCode !== null) throw new Error(output);
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
      expect(await (await fetch(page)).text()).toContain('<div id="root">');
      const item = { method: "POST", body: new URLSearchParams({ id: "dev", val: "here" }) };
      expect((await fetch(`${page}/api/item`, item)).status).toBe(200);
      const strong = { headers: { consistency: "strong" } };
      expect(await (await fetch(`${page}/api/item?id=dev`, strong)).text()).toBe("here");
      const status = (await (await fetch(`${page}/api/status`)).json()) as { replicas: unknown[] };
      expect(status.replicas).toHaveLength(2);
    } finally {
      child.kill("SIGINT");
      if (child.exitCode === null) await new Promise((resolve) => child.once("exit", resolve));
    }
    expect(child.exitCode).toBe(0);
    expect(output).toContain("Everything has stopped.");
    const redis = /main on port (\d+), replicas on (\d+) and (\d+)/.exec(output)!.slice(1);
    for (const own of [...redis, String(port)]) {
      expect(processes(`:${own}`)).toEqual([]);
      expect(processes(`--port ${own}`)).toEqual([]);
    }
  },
  120_000,
);

it("without redis-server, `npm run dev` reports what is missing and how to get it", () => {
  // a PATH without redis-server
  const { status, stderr } = spawnSync(process.execPath, dev, {
    cwd: root,
    encoding: "utf8",
    env: { ...process.env, PATH: path.dirname(__filename) },
  });
  expect(status).toBe(1);
  expect(stderr).toContain("redis-server is not installed");
  expect(stderr).toContain("apt-get install redis-server");
});

it("`npm run dev` refuses an invalid port, and one that is in use", async () => {
  const run = (port: string) => spawnSync(process.execPath, [...dev, "--port", port], { cwd: root, encoding: "utf8" });
  expect(run("http").stderr).toContain('--port is "http", expected a number');
  const server = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const { port } = server.address() as { port: number };
  const { status, stderr } = run(String(port));
  server.close();
  expect(status).toBe(1);
  expect(stderr).toContain(`Port ${port} is in use.`);
});

it.each([
  ["up", 1, "terraform is not installed"],
  ["doctor", 1, "none is configured"],
])("`npm run %s` recommends `npm run dev` if there is no cluster and no way to create one", (name, code, why) => {
  // a PATH without kubectl or kind, and no kubeconfig
  const { status, stdout, stderr } = spawnSync(process.execPath, [...cli, name], {
    cwd: root,
    encoding: "utf8",
    env: { PATH: path.dirname(__filename), HOME: path.dirname(__filename), IAC_CONFIG: "/dev/null", CI: "true" },
  });
  expect(status).toBe(code);
  expect(stdout + stderr).toContain(why);
  expect(stdout + stderr).toContain("npm run dev");
});
