/**
 * Tier `resilience`: what can go wrong around a run. Each time one sentence says what, nothing is half-done without being
 * said, and the next `up` goes on. Needs Docker on this machine.
 */
import { spawn } from "node:child_process";
import * as fs from "node:fs";
import * as http from "node:http";
import * as net from "node:net";
import * as os from "node:os";
import * as path from "node:path";
import { CHARTS } from "../../catalog/versions";
import { removeAfterFailure, step } from "./helpers/steps";
import {
  app,
  config,
  expectAsBefore,
  expectNothingOfOurs,
  inventory,
  kube,
  npmRunWith,
  projectPath,
  STATE_DIR,
  type Outcome,
} from "./helpers/system";

const env = { IAC_OBSERVABILITY: "none" };
const scratch = fs.mkdtempSync(path.join(os.tmpdir(), "e2e-resilience-"));
const otherMemory = (mebibytes: number) => ({ ...env, IAC_NODE_RESOURCES_MEMORY: `${mebibytes}Mi` });

let before: string[];
removeAfterFailure(env);
afterAll(() => fs.rmSync(scratch, { recursive: true, force: true }));

const up = (more: Record<string, string> = {}): Promise<Outcome> => npmRunWith({ ...env, ...more }, "up");
/** What a person reads last: an error is one sentence or two, never a stack. */
const told = ({ output }: Outcome): string => {
  const error = output.slice(output.indexOf("Error: "));
  expect(error).not.toMatch(/^\s+at .*:\d+:\d+/m);
  return error;
};
const expectAllWell = async (): Promise<void> => {
  expect((await up()).code).toBe(0);
  expect((await npmRunWith(env, "diff")).code).toBe(0);
};

/** The API's sources with one more line, so that its image has to be built. */
function otherSources(): string {
  const context = path.join(scratch, `node-${Date.now()}`);
  fs.cpSync(projectPath("images", "node"), context, { recursive: true, filter: (f) => !/node_modules|dist/.test(f) });
  fs.appendFileSync(path.join(context, "src", "main.ts"), `// ${Date.now()}\n`);
  return context;
}

/** An `up` whose processes can be told apart from the test's: a signal reaches all of them, as from a terminal. */
function started(more: Record<string, string> = {}) {
  const child = spawn("npm", ["run", "-s", "up"], {
    cwd: projectPath(),
    env: { ...process.env, IAC_STATE_DIR: STATE_DIR, ...env, ...more },
    stdio: ["ignore", "pipe", "pipe"],
    detached: true,
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk: Buffer) => (output += chunk.toString()));
  const ended = new Promise<Outcome>((resolve) =>
    child.on("close", (code) => {
      process.stdout.write(output);
      resolve({ code: code ?? -1, output, seconds: 0 });
    }),
  );
  return { ended, signal: (name: NodeJS.Signals) => process.kill(-child.pid!, name) };
}
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
/**
 * Whether a run begins to apply a layer within three minutes; called before the run, for one that was killed has left its
 * own mark. Looks often: the worst moments are the first.
 */
async function applying(layer: string): Promise<boolean> {
  const file = projectPath(STATE_DIR, "applying", `${layer}.json`);
  const mark = () => (fs.existsSync(file) ? fs.readFileSync(file, "utf8") : "");
  const old = mark();
  for (const end = Date.now() + 180_000; Date.now() < end; await pause(50)) {
    const now = mark();
    if (now !== "" && now !== old) return true;
  }
  return false;
}

step("a namespace of somebody else's is told before anything is changed", async () => {
  await expectNothingOfOurs();
  before = await inventory();
  await kube.raw(["create", "namespace", app]);
  const outcome = await up();
  await kube.raw(["delete", "namespace", app], { timeoutMs: 60_000 });
  expect(outcome.code).toBe(1);
  expect(told(outcome)).toContain(`The namespace ${app} is there, and not ours.`);
});

step("a Docker that does not answer is told before anything is changed", async () => {
  const outcome = await up({ IAC_IMAGES_NODE_CONTEXT: otherSources(), DOCKER_HOST: `unix://${scratch}/nobody.sock` });
  expect(outcome.code).toBe(1);
  expect(told(outcome)).toMatch(/Docker/);
  await expectAsBefore(before);
});

step("a chart that is missing, or cut off, is told by its name", async () => {
  const { name, version } = CHARTS.metricsServer;
  const charts = path.join(scratch, "charts");
  fs.mkdirSync(charts);
  const missing = await up({ IAC_CHARTS_DIR: charts });
  expect(missing.code).toBe(1);
  expect(told(missing)).toContain(`${name}-${version}.tgz does not exist`);
  await expectAsBefore(before);
  fs.writeFileSync(path.join(charts, `${name}-${version}.tgz`), "no archive");
  const cut = await up({ IAC_CHARTS_DIR: charts });
  expect(cut.code).toBe(1);
  expect(told(cut)).toContain(`${name}-${version}.tgz`);
});

step(
  "killed by force while it applies, again and again: the next run takes up what was left, and ends green",
  async () => {
    expect((await npmRunWith(env, "down", "--yes")).code).toBe(0);
    await expectAsBefore(before);
    // new objects all the time: the worst moments
    for (const [layer, ms] of [
      ["data", 150],
      ["data", 900],
      ["data", 2500],
      ["app", 300],
      ["app", 2000],
    ] as const) {
      const begun = applying(layer);
      const run = started();
      const seen = await Promise.race([begun, run.ended]);
      if (seen !== true) {
        // the layer was whole already
        expect((seen as Outcome).code).toBe(0);
        continue;
      }
      await pause(ms);
      run.signal("SIGKILL");
      await run.ended;
      console.log(`killed ${ms} ms into the apply of ${layer}`);
    }
    const outcome = await up();
    expect(outcome.code).toBe(0);
    console.log(/a run before was cut off.*/.exec(outcome.output)?.[0] ?? "nothing was left to be taken over");
    expect((await npmRunWith(env, "diff")).code).toBe(0);
  },
  20,
);

step(
  "objects that no state knows are taken over where the run that made them was cut off, and only there",
  async () => {
    const dir = projectPath("cdktf.out", "stacks", "app");
    const { execFileSync } = await import("node:child_process");
    const terraform = (...args: string[]) => execFileSync(config.terraform, args, { cwd: dir, encoding: "utf8" });
    const addresses = terraform("state", "list")
      .split("\n")
      .filter((a) =>
        /^kubernetes_(manifest|service_v1|horizontal_pod_autoscaler_v2|pod_disruption_budget_v1)\./.test(a),
      );
    expect(addresses.length).toBeGreaterThanOrEqual(6);
    const list = () => {
      const kinds: Record<string, string> = { kubernetes_manifest: "deployments" };
      const targets: object[] = [];
      const values = JSON.parse(terraform("show", "-json")) as {
        values: { root_module: { resources: { address: string; values: Record<string, unknown> }[] } };
      };
      for (const address of addresses) {
        const type = address.split(".")[0]!;
        const found = values.values.root_module.resources.find((r) => r.address === address)!.values;
        const manifest = found["manifest"] as
          { apiVersion: string; kind: string; metadata: { name: string } } | undefined;
        const metadata = (found["metadata"] as { name: string }[] | undefined)?.[0];
        targets.push({
          address,
          type,
          name: manifest?.metadata.name ?? metadata!.name,
          namespace: app,
          ...(kinds[type] ? { apiVersion: manifest!.apiVersion, kind: manifest!.kind } : {}),
          isNew: true,
        });
      }
      return targets;
    };
    const targets = list();
    const ids = async () =>
      (await kube.list("deployments,services,hpa,pdb", "-n", app)).map(
        (o) => `${o.kind} ${o.metadata.name} ${(o.metadata as { uid?: string }).uid}`,
      );
    const were = await ids();
    for (const address of addresses) terraform("state", "rm", address);
    const refused = await up();
    expect(refused.code).toBe(1);
    expect(told(refused)).toMatch(/already exists/);
    expect(told(refused)).toContain("This state does not know it");
    const file = projectPath(STATE_DIR, "applying", "app.json");
    fs.mkdirSync(path.dirname(file), { recursive: true });
    fs.writeFileSync(file, JSON.stringify({ at: new Date(Date.now() - 3_600_000).toISOString(), targets }));
    const outcome = await up();
    expect(outcome.code).toBe(0);
    expect(outcome.output).toContain(`a run before was cut off, ${addresses.length} of its objects taken over`);
    expect((await npmRunWith(env, "diff")).code).toBe(0);
    // they are the same objects, not others of the same name
    expect((await ids()).sort()).toEqual(were.sort());
  },
);

step("a registry that refuses a push is told; what runs goes on", async () => {
  const server = http.createServer((request, response) => {
    const refuses = request.method === "POST" || request.method === "PUT" || request.method === "PATCH";
    const code = refuses ? 403 : request.url === "/v2/" ? 200 : 404;
    response.writeHead(code, { "content-type": "application/json", "docker-distribution-api-version": "registry/2.0" });
    response.end(refuses ? '{"errors":[{"code":"DENIED","message":"this one takes nothing"}]}' : "{}");
  });
  const port = await new Promise<number>((resolve) =>
    server.listen(0, "127.0.0.1", () => resolve((server.address() as net.AddressInfo).port)),
  );
  try {
    const outcome = await up({ IAC_IMAGES_NODE_CONTEXT: otherSources(), IAC_REGISTRY_PUSH: `127.0.0.1:${port}` });
    expect(outcome.code).toBe(1);
    expect(told(outcome)).toMatch(/images.*(denied|this one takes nothing|403)/is);
  } finally {
    server.close();
    server.closeAllConnections();
  }
  await expectAllWell();
});

step("an image that cannot be pulled is told with pod, image and reason, and the pods that were go on", async () => {
  const image = `${config.registry.pull}/nobody/has-this:1`;
  const begin = Date.now();
  const outcome = await up({ IAC_IMAGES_NODE_IMAGE: image });
  expect(outcome.code).toBe(1);
  expect(told(outcome)).toMatch(/node-\S+: (ErrImagePull|ImagePullBackOff): .*has-this:1/);
  console.log(`told after ${Math.round((Date.now() - begin) / 1000)} s`);
  expect((await npmRunWith(env, "smoke")).code).toBe(0);
  await expectAllWell();
});

step("^C ends it after what it was doing; the next run goes on", async () => {
  const begun = applying("app");
  const run = started(otherMemory(98));
  expect(await begun).toBe(true);
  run.signal("SIGINT");
  const outcome = await run.ended;
  // it may have been over a moment before
  if (outcome.code !== 0) expect(told(outcome)).toContain("Stopped on request.");
  await expectAllWell();
});

step("two runs at once: the second says who is at work, and breaks nothing", async () => {
  const begun = applying("app");
  const first = started(otherMemory(99));
  expect(await begun).toBe(true);
  const second = await npmRunWith(env, "diff");
  expect(second.code).toBe(1);
  expect(told(second)).toMatch(/npm run up works in this folder since .* UTC \(process \d+\)/);
  expect((await first.ended).code).toBe(0);
  await expectAllWell();
});

step("the cluster is gone in the middle of it: one sentence, and the next run goes on", async () => {
  const view = JSON.parse(await kube.raw(["config", "view", "--raw", "--minify", "--flatten", "-o", "json"])) as {
    clusters: { cluster: { server: string; "tls-server-name"?: string } }[];
  };
  const server = new URL(view.clusters[0]!.cluster.server);
  const open = new Set<net.Socket>();
  const proxy = net.createServer((socket) => {
    const upstream = net.connect(Number(server.port || 443), server.hostname);
    for (const [from, to] of [
      [socket, upstream],
      [upstream, socket],
    ] as const) {
      open.add(from);
      from.pipe(to);
      from.on("error", () => to.destroy());
      from.on("close", () => open.delete(from));
    }
  });
  const port = await new Promise<number>((resolve) =>
    proxy.listen(0, "127.0.0.1", () => resolve((proxy.address() as net.AddressInfo).port)),
  );
  view.clusters[0]!.cluster.server = `https://127.0.0.1:${port}`;
  view.clusters[0]!.cluster["tls-server-name"] ??= "kubernetes.default";
  const kubeconfig = path.join(scratch, "kubeconfig");
  fs.writeFileSync(kubeconfig, JSON.stringify(view), { mode: 0o600 });
  const begun = applying("app");
  const run = started({ ...otherMemory(100), KUBECONFIG: kubeconfig });
  const seen = await Promise.race([begun, run.ended]);
  proxy.close();
  for (const socket of open) socket.destroy();
  expect(seen).toBe(true);
  const outcome = await run.ended;
  expect(outcome.code).toBe(1);
  expect(told(outcome)).toMatch(/the cluster stopped answering|cannot be reached|was refused/);
  await expectAllWell();
});

step("a disk that is full is told, and costs nothing", async () => {
  if (process.getuid?.() !== 0 || process.platform !== "linux") {
    console.warn("SKIPPED: a full disk: only root may mount one");
    return;
  }
  const { execFileSync } = await import("node:child_process");
  const place = path.join(scratch, "full");
  fs.mkdirSync(place);
  execFileSync("mount", ["-t", "tmpfs", "-o", "size=2m", "tmpfs", place]);
  try {
    for (const name of fs.readdirSync(projectPath(STATE_DIR)).filter((n) => n.endsWith(".tfstate")))
      fs.cpSync(projectPath(STATE_DIR, name), path.join(place, name));
    const filler = path.join(place, "filler");
    const fill = fs.openSync(filler, "w");
    try {
      for (;;) fs.writeSync(fill, Buffer.alloc(1024));
    } catch (error) {
      expect((error as NodeJS.ErrnoException).code).toBe("ENOSPC");
    }
    fs.closeSync(fill);
    const outcome = await up({ ...otherMemory(101), IAC_STATE_DIR: place });
    expect(outcome.code).not.toBe(0);
    expect(told(outcome)).toMatch(/no space left on device/i);
    fs.rmSync(filler);
    expect((await up({ IAC_STATE_DIR: place })).code).toBe(0);
    for (const name of fs.readdirSync(place).filter((n) => n.endsWith(".tfstate")))
      fs.cpSync(path.join(place, name), projectPath(STATE_DIR, name));
  } finally {
    execFileSync("umount", [place]);
  }
  await expectAllWell();
});

step("down leaves nothing, and everything else as it was", async () => {
  expect((await npmRunWith(env, "down", "--yes")).code).toBe(0);
  await expectAsBefore(before);
});
