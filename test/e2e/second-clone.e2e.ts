/**
 * Tier `second-clone`: a system outlives its checkout. A second clone cannot damage the system by mistake. After the
 * states are lost, a checkout adopts the system, with states in files or in the cluster, and another checkout removes
 * it.
 */
import { execFileSync } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { GRAFANA_SECRET } from "../../catalog/names";
import { startRun } from "./helpers/background-run";
import { removeAfterFailure, step } from "./helpers/steps";
import {
  app,
  command,
  expectAsBefore,
  expectNoDeployment,
  eventually,
  inventory,
  kube,
  monitoring,
  npmRun,
  npmRunWith,
  projectPath,
  redis,
  settled,
  STATE_DIR,
} from "./helpers/system";

const UNKNOWN = /contains a system that is not in the states of this checkout\. It was deployed by .* at .* UTC/;
const UNCHANGED = "nothing in the cluster was changed";
const inCluster = { IAC_STATE_BACKEND: "kubernetes", IAC_STATE_PREFIX: "e2e-adopted" };

const clone = fs.mkdtempSync(path.join(os.tmpdir(), "e2e-clone-"));
let before: string[];
let running: Running;

removeAfterFailure();
afterAll(async () => {
  fs.rmSync(clone, { recursive: true, force: true });
  await kube.raw(["-n", "default", "delete", "secrets,leases", "-l", "tfstate=true"]);
});

interface Running {
  /** Each pod's name, identity and container restarts. */
  readonly pods: readonly string[];
  /** Each Secret's name and content. */
  readonly passwords: readonly string[];
}

/** What an adoption must leave alone. */
async function state(): Promise<Running> {
  const pods = (await Promise.all([app, monitoring].map((ns) => kube.list("pods", "-n", ns)))).flat();
  const secrets = [
    [app, "redis-users"],
    [monitoring, GRAFANA_SECRET],
  ] as const;
  const passwords = secrets.map(async ([ns, name]) => JSON.stringify((await kube.get("secret", name, ns))?.data));
  return {
    pods: pods
      .map(({ metadata, status }) => {
        const restarts = (status?.containerStatuses ?? []).map((c: { restartCount: number }) => c.restartCount);
        return `${metadata.name} ${metadata.uid} ${restarts.join(" ")}`;
      })
      .sort(),
    passwords: await Promise.all(passwords),
  };
}

/** Simulates a lost laptop: deletes its states and Terraform's folders. */
function loseStates(): void {
  for (const folder of [STATE_DIR, "cdktf.out"]) fs.rmSync(projectPath(folder), { recursive: true, force: true });
}

const inClone = (name: string, ...args: string[]) => command("npm", ["run", "-s", name, "--", ...args], { cwd: clone });

step("a system is up, and holds data", async () => {
  await expectNoDeployment();
  before = await inventory();
  expect((await npmRun("up")).code).toBe(0);
  await redis("redis-main-0", "SET", "adopted", "yes");
  // a pod that an autoscaler removes or adds later would look like a restart
  for (const [kind, name] of [
    ["deploy", "node"],
    ["deploy", "react"],
    ["statefulset", "redis-replicas"],
  ] as const)
    await settled(kind, name);
  running = await state();
});

step("every command that would change something refuses a second clone, in one sentence", async () => {
  const archive = execFileSync("git", ["archive", "HEAD"], { cwd: projectPath(), maxBuffer: 1 << 30 });
  execFileSync("tar", ["x", "-C", clone], { input: archive });
  fs.symlinkSync(projectPath("node_modules"), path.join(clone, "node_modules"));
  const objects = await inventory();
  for (const [name, ...args] of [["up"], ["diff"], ["down", "--yes"]] as const) {
    const { code, output } = await inClone(name, ...args);
    expect([name, code]).toEqual([name, 1]);
    expect(output).toMatch(UNKNOWN);
    expect(output).toContain("npm run up -- --adopt");
  }
  // the states are not lost: they are in the other folder on this machine
  const adopted = await inClone("up", "--adopt", "--yes");
  expect(adopted.code).toBe(1);
  expect(adopted.output).toContain("are not lost");
  expect(await inventory()).toEqual(objects);
  expect(await state()).toEqual(running);
  expect((await npmRun("diff")).code).toBe(0);
});

step(
  "without the states, the checkout does not recognize the system, and adopts nothing without confirmation",
  async () => {
    loseStates();
    expect((await npmRun("up")).output).toMatch(UNKNOWN);
    const unconfirmed = await npmRun("up", "--adopt");
    expect(unconfirmed.code).toBe(1);
    expect(unconfirmed.output).toContain("npm run up -- --adopt --yes");
  },
);

step("an adoption reports an object that is not the project's, and adopts nothing", async () => {
  const label = (value: string) =>
    kube.raw(["-n", app, "label", "service", "node", `app.kubernetes.io/part-of=${value}`, "--overwrite"]);
  await label("another");
  const { code, output } = await npmRun("up", "--adopt", "--yes");
  await label("iacproject");
  expect(code).toBe(1);
  expect(output).toContain(`Service ${app}/node has no label app.kubernetes.io/part-of=iacproject`);
  expect((await npmRun("diff")).output).toMatch(UNKNOWN);
});

step("an interrupted adoption adopts nothing; the next one succeeds without restarting any pods", async () => {
  const killed = startRun({}, "up", "--", "--adopt", "--yes");
  await new Promise((resolve) => setTimeout(resolve, 15_000));
  killed.signal("SIGKILL");
  expect((await killed.ended).code).not.toBe(0);
  expect((await npmRun("diff")).output).toMatch(UNKNOWN);
  const { code, output } = await npmRun("up", "--adopt", "--yes");
  expect(code).toBe(0);
  expect(output).toContain(UNCHANGED);
  for (const layer of ["images", "data", "app", "observability"])
    expect(output).toMatch(new RegExp(`${layer} .*unchanged`));
  expect(await state()).toEqual(running);
  expect(await redis("redis-main-0", "GET", "adopted")).toContain("yes");
  expect((await npmRun("diff")).code).toBe(0);
});

step("no state contains a password", async () => {
  const states = fs.readdirSync(projectPath(STATE_DIR)).filter((name) => name.endsWith(".tfstate"));
  expect(states.length).toBeGreaterThanOrEqual(4);
  const passwords = running.passwords.flatMap((text) => Object.values(JSON.parse(text) as Record<string, string>));
  const secrets = passwords.map((value) => Buffer.from(value, "base64").toString()).filter((text) => text.length > 16);
  expect(secrets.length).toBeGreaterThan(5);
  for (const name of states) {
    const text = fs.readFileSync(projectPath(STATE_DIR, name), "utf8");
    expect([name, secrets.filter((secret) => text.includes(secret))]).toEqual([name, []]);
  }
});

step(
  "a clone with a different setting adopts the system, with states in the cluster, and lists the changes that `up` makes",
  async () => {
    loseStates();
    const other = { ...inCluster, IAC_REACT_RESOURCES_MEMORY: "33Mi" };
    const { code, output } = await npmRunWith(other, "up", "--adopt", "--yes");
    expect(code).toBe(0);
    expect(output).toMatch(/app .*1 to change/);
    expect(output).toMatch(
      /The system differs from this configuration.*react\.resources\.memory: default \(here: 33Mi\)/,
    );
    expect((await npmRunWith(other, "diff")).code).toBe(0);
    // only the front was changed
    const isFront = (pod: string) => pod.startsWith("react-");
    await eventually("the rollout of the front to end", 120, async () => {
      const { pods, passwords } = await state();
      expect(pods.filter((pod) => !isFront(pod))).toEqual(running.pods.filter((pod) => !isFront(pod)));
      expect(passwords).toEqual(running.passwords);
      return true;
    });
  },
);

step("`down --adopt` removes a system whose states are lost, and verifies that nothing is left", async () => {
  await kube.raw(["-n", "default", "delete", "secrets,leases", "-l", "tfstate=true"]);
  loseStates();
  expect((await npmRun("down", "--yes")).output).toMatch(UNKNOWN);
  const { code, output } = await npmRun("down", "--adopt", "--yes");
  expect(code).toBe(0);
  expect(output).toMatch(/This deletes:/);
  expect(output).toContain("nothing is left");
  await expectAsBefore(before);
});
