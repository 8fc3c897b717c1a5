/**
 * Tier `resilience`: failures during a run. Each time, the error must state what failed, nothing may silently be left
 * half done, and the next `up` must recover. Needs Docker on this machine.
 */
import * as fs from "node:fs";
import * as http from "node:http";
import * as net from "node:net";
import * as os from "node:os";
import * as path from "node:path";
import { CHARTS } from "../../catalog/versions";
import { startRun } from "./helpers/background-run";
import { removeAfterFailure, step } from "./helpers/steps";
import {
  app,
  config,
  expectAsBefore,
  expectNoDeployment,
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
/** The error at the end of the output, which must not contain a stack trace. */
const errorOf = ({ output }: Outcome): string => {
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

const started = (more: Record<string, string> = {}) => startRun({ ...env, ...more }, "up");
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
/**
 * Whether a run starts to apply a layer within three minutes. Call this function before the run starts, because a
 * killed run leaves its own record. It polls often, because the first moments are the most critical.
 */
async function applying(layer: string): Promise<boolean> {
  const file = projectPath(STATE_DIR, "applying", `${layer}.json`);
  const record = () => (fs.existsSync(file) ? fs.readFileSync(file, "utf8") : "");
  const old = record();
  for (const end = Date.now() + 180_000; Date.now() < end; await pause(50)) {
    const now = record();
    if (now !== "" && now !== old) return true;
  }
  return false;
}

step("a namespace that another deployment owns is reported before anything is changed", async () => {
  await expectNoDeployment();
  before = await inventory();
  await kube.raw(["create", "namespace", app]);
  const outcome = await up();
  await kube.raw(["delete", "namespace", app], { timeoutMs: 60_000 });
  expect(outcome.code).toBe(1);
  expect(errorOf(outcome)).toContain(`The namespace ${app} already exists and is not ours.`);
});

step("an unavailable Docker engine is reported before anything is changed", async () => {
  const outcome = await up({ IAC_IMAGES_NODE_CONTEXT: otherSources(), DOCKER_HOST: `unix://${scratch}/missing.sock` });
  expect(outcome.code).toBe(1);
  expect(errorOf(outcome)).toMatch(/Docker/);
  await expectAsBefore(before);
});

step("a missing or truncated chart is reported by name", async () => {
  const { name, version } = CHARTS.metricsServer;
  const charts = path.join(scratch, "charts");
  fs.mkdirSync(charts);
  const missing = await up({ IAC_CHARTS_DIR: charts });
  expect(missing.code).toBe(1);
  expect(errorOf(missing)).toContain(`${name}-${version}.tgz does not exist`);
  await expectAsBefore(before);
  fs.writeFileSync(path.join(charts, `${name}-${version}.tgz`), "no archive");
  const cut = await up({ IAC_CHARTS_DIR: charts });
  expect(cut.code).toBe(1);
  expect(errorOf(cut)).toContain(`${name}-${version}.tgz`);
});

step(
  "after several runs were killed while applying, the next run adopts what they left behind and succeeds",
  async () => {
    expect((await npmRunWith(env, "down", "--yes")).code).toBe(0);
    await expectAsBefore(before);
    // moments at which objects are being created
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
        // the layer was already complete
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
    console.log(/.*interrupted run.*/.exec(outcome.output)?.[0] ?? "nothing was left to adopt");
    expect((await npmRunWith(env, "diff")).code).toBe(0);
  },
  20,
);

step("objects missing from the state are adopted only if an interrupted run created them", async () => {
  const dir = projectPath("cdktf.out", "stacks", "app");
  const { execFileSync } = await import("node:child_process");
  const terraform = (...args: string[]) => execFileSync(config.terraform, args, { cwd: dir, encoding: "utf8" });
  const addresses = terraform("state", "list")
    .split("\n")
    .filter((a) => /^kubernetes_(manifest|service_v1|horizontal_pod_autoscaler_v2|pod_disruption_budget_v1)\./.test(a));
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
  const idsBefore = await ids();
  for (const address of addresses) terraform("state", "rm", address);
  const refused = await up();
  expect(refused.code).toBe(1);
  expect(errorOf(refused)).toMatch(/already exists/);
  expect(errorOf(refused)).toContain("The object is not in this state");
  const file = projectPath(STATE_DIR, "applying", "app.json");
  fs.mkdirSync(path.dirname(file), { recursive: true });
  fs.writeFileSync(file, JSON.stringify({ at: new Date(Date.now() - 3_600_000).toISOString(), targets }));
  const outcome = await up();
  expect(outcome.code).toBe(0);
  expect(outcome.output).toContain(`${addresses.length} objects of an interrupted run adopted`);
  expect((await npmRunWith(env, "diff")).code).toBe(0);
  // the same objects, not new ones with the same names
  expect((await ids()).sort()).toEqual(idsBefore.sort());
});

step("a registry that denies a push is reported, and the running system is not affected", async () => {
  const server = http.createServer((request, response) => {
    const refuses = request.method === "POST" || request.method === "PUT" || request.method === "PATCH";
    const code = refuses ? 403 : request.url === "/v2/" ? 200 : 404;
    response.writeHead(code, { "content-type": "application/json", "docker-distribution-api-version": "registry/2.0" });
    response.end(refuses ? '{"errors":[{"code":"DENIED","message":"this registry accepts no pushes"}]}' : "{}");
  });
  const port = await new Promise<number>((resolve) =>
    server.listen(0, "127.0.0.1", () => resolve((server.address() as net.AddressInfo).port)),
  );
  try {
    const outcome = await up({ IAC_IMAGES_NODE_CONTEXT: otherSources(), IAC_REGISTRY_PUSH: `127.0.0.1:${port}` });
    expect(outcome.code).toBe(1);
    expect(errorOf(outcome)).toMatch(/images.*(denied|this one takes nothing|403)/is);
  } finally {
    server.close();
    server.closeAllConnections();
  }
  await expectAllWell();
});

step(
  "an image that cannot be pulled is reported with pod, image and reason, and the previous pods keep serving",
  async () => {
    const image = `${config.registry.pull}/missing/has-this:1`;
    const begin = Date.now();
    const outcome = await up({ IAC_IMAGES_NODE_IMAGE: image });
    expect(outcome.code).toBe(1);
    expect(errorOf(outcome)).toMatch(/node-\S+: (ErrImagePull|ImagePullBackOff): .*has-this:1/);
    console.log(`reported after ${Math.round((Date.now() - begin) / 1000)} s`);
    expect((await npmRunWith(env, "smoke")).code).toBe(0);
    await expectAllWell();
  },
);

step("^C stops a run after the current operation; the next run recovers", async () => {
  const begun = applying("app");
  const run = started(otherMemory(98));
  expect(await begun).toBe(true);
  run.signal("SIGINT");
  const outcome = await run.ended;
  // the run may have ended just before the signal
  if (outcome.code !== 0) expect(errorOf(outcome)).toContain("Stopped on request.");
  await expectAllWell();
});

step("when two runs are concurrent, the second reports the first and changes nothing", async () => {
  const begun = applying("app");
  const first = started(otherMemory(99));
  expect(await begun).toBe(true);
  const second = await npmRunWith(env, "diff");
  expect(second.code).toBe(1);
  expect(errorOf(second)).toMatch(/npm run up has been running in this folder since .* UTC \(process \d+\)/);
  expect((await first.ended).code).toBe(0);
  await expectAllWell();
});

step(
  "if the cluster becomes unreachable during a run, there is one clear error, and the next run recovers",
  async () => {
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
    expect(errorOf(outcome)).toMatch(/the cluster stopped answering|cannot be reached|was refused/);
    await expectAllWell();
  },
);

step("a full disk is reported, and no state is lost", async () => {
  if (process.getuid?.() !== 0 || process.platform !== "linux") {
    console.warn("SKIPPED: full disk: mounting one needs root");
    return;
  }
  const { execFileSync } = await import("node:child_process");
  const mountPoint = path.join(scratch, "full");
  fs.mkdirSync(mountPoint);
  execFileSync("mount", ["-t", "tmpfs", "-o", "size=2m", "tmpfs", mountPoint]);
  try {
    for (const name of fs.readdirSync(projectPath(STATE_DIR)).filter((n) => n.endsWith(".tfstate")))
      fs.cpSync(projectPath(STATE_DIR, name), path.join(mountPoint, name));
    const filler = path.join(mountPoint, "filler");
    const fill = fs.openSync(filler, "w");
    try {
      for (;;) fs.writeSync(fill, Buffer.alloc(1024));
    } catch (error) {
      expect((error as NodeJS.ErrnoException).code).toBe("ENOSPC");
    }
    fs.closeSync(fill);
    const outcome = await up({ ...otherMemory(101), IAC_STATE_DIR: mountPoint });
    expect(outcome.code).not.toBe(0);
    expect(errorOf(outcome)).toMatch(/no space left on device/i);
    fs.rmSync(filler);
    expect((await up({ IAC_STATE_DIR: mountPoint })).code).toBe(0);
    for (const name of fs.readdirSync(mountPoint).filter((n) => n.endsWith(".tfstate")))
      fs.cpSync(path.join(mountPoint, name), projectPath(STATE_DIR, name));
  } finally {
    execFileSync("umount", [mountPoint]);
  }
  await expectAllWell();
});

step("`down` removes everything that `up` deployed, and nothing else", async () => {
  expect((await npmRunWith(env, "down", "--yes")).code).toBe(0);
  await expectAsBefore(before);
});
