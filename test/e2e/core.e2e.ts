/** Tier `core`: deploys, uses, inspects, scales, compares and removes the system on the configured cluster. */
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { dashboards } from "../../dashboards";
import { redisUserNames } from "../../modules/redis/users";
import { removeAfterFailure, step } from "./helpers/steps";
import {
  app,
  command,
  eventually,
  expectAsBefore,
  expectNoDeployment,
  forward,
  inventory,
  kube,
  monitoring,
  npmRunWith,
  projectPath,
  prometheus,
  redis,
  redisPodNames,
  settled,
  specReplicas,
} from "./helpers/system";
import { refusedCommands } from "../helpers/acl-log";
import { LAYERS } from "../../stacks/outputs";
import { runAll, commandsIn } from "./helpers/documented-commands";
import { scannedTexts } from "./helpers/secret-scan";
import { rateOf, startLoad } from "./helpers/load";

// no scale-in during the tier: a count that drops after the load is an error
const env = { IAC_SCALING_NODE_SCALE_DOWN_WINDOW_SECONDS: "1800" };
const npmRun = (name: string, ...args: string[]) => npmRunWith(env, name, ...args);

let before: string[];
removeAfterFailure(env);

const secret = async (namespace: string, name: string, key: string) =>
  Buffer.from((await kube.get("secret", name, namespace))!.data![key]!, "base64").toString();
afterAll(async () => {
  // the load pod is not part of the deployment, which the last step removes
  await kube.raw(["-n", "default", "delete", "pod", "e2e-load", "--ignore-not-found", "--now"]).catch(() => undefined);
});

step("the project is not deployed on the cluster yet", async () => {
  await expectNoDeployment();
  before = await inventory();
});

step(
  "before the first deployment, `diff` plans what it can, and shows which layers wait for which others",
  async () => {
    const { code, output } = await npmRun("diff");
    expect(code).toBe(2);
    expect(output).toMatch(/images .*to add/);
    expect(output).toMatch(/data .*to add/);
    expect(output).toMatch(/app .*waits for images and data/);
    expect(output).toMatch(/observability .*waits for data$/m);
  },
);

step("`up` succeeds, and a second `up` changes nothing", async () => {
  const first = await npmRun("up");
  expect(first.code).toBe(0);
  expect(first.output).toMatch(/smoke test .*7 steps/);
  expect(first.output).toContain("port-forward svc/react");
  console.log(`up took ${first.seconds.toFixed(0)} s`);
  const second = await npmRun("up");
  expect(second.code).toBe(0);
  for (const layer of ["images", "data", "app", "observability"])
    expect(second.output).toMatch(new RegExp(`${layer} .*unchanged`));
});

step("smoke, diff, status and doctor succeed", async () => {
  expect((await npmRun("smoke")).code).toBe(0);
  expect((await npmRun("diff")).code).toBe(0);
  const { output } = await npmRun("status");
  for (const part of ["redis-main", "redis-replicas", "redis-exporter", "node", "react"])
    expect(output).toContain(part);
  expect((await npmRun("doctor")).code).toBe(0);
});

step(
  "in a checkout without the states, commands stop at once, name the system's origin, and change nothing",
  async () => {
    const dir = fs.mkdtempSync(path.join(os.tmpdir(), "e2e-second-clone-"));
    const second = { ...env, IAC_STATE_DIR: dir };
    for (const [name, ...args] of [["up"], ["diff"], ["down", "--yes"]] as const) {
      const { code, output, seconds } = await npmRunWith(second, name, ...args);
      expect({ name, code }).toEqual({ name, code: 1 });
      expect(output).toContain("contains a system that is not in the states of this checkout");
      expect(output).toMatch(/It was deployed by .+@.+ from .+, version /);
      expect(seconds).toBeLessThan(60);
    }
    fs.rmSync(dir, { recursive: true });
    expect((await npmRun("smoke")).code).toBe(0);
  },
);

step("the commands that the README documents for inspecting the system succeed", async () => {
  const lines = commandsIn("README.md");
  // expected: three addresses, a password, a request, and npm commands
  expect(lines.filter((line) => line.includes("port-forward"))).toHaveLength(3);
  expect(lines.length).toBeGreaterThanOrEqual(9);
  const known = new Set(fs.readdirSync(projectPath()));
  expect(await runAll(lines, env)).toEqual([]);
  // the archive that `npm run support` writes
  for (const name of fs.readdirSync(projectPath()))
    if (!known.has(name) && name.endsWith(".tar.gz")) fs.rmSync(projectPath(name));
});

step("pods satisfy Pod Security restricted, which their namespace enforces", async () => {
  const namespace = await kube.get("namespace", app);
  expect(namespace?.metadata.labels?.["pod-security.kubernetes.io/enforce"]).toBe("restricted");
});

step("network policies allow only the connections in the flow table", async () => {
  const main = (await kube.get("service", "redis-main", app))!.spec.clusterIP as string;
  const connect = `require("net").connect(+process.argv[2], process.argv[1]).setTimeout(3000, () => process.exit(9)).on("connect", () => process.exit(0)).on("error", () => process.exit(8))`;
  const reaches = (pod: string, host: string, port: number) =>
    kube
      .raw(["-n", app, "exec", pod, "--", "node", "-e", connect, host, String(port)])
      .then(() => true)
      .catch(() => false);
  const node = (await kube.list("pods", "-n", app, "-l", "app.kubernetes.io/name=node"))[0]!.metadata.name;
  expect(await reaches(node, main, 6379)).toBe(true);
  const react = (await kube.get("service", "react", app))!.spec.clusterIP as string;
  expect(await reaches(node, react, 8080)).toBe(false);
});

step("the cluster accepts the output of `npm run manifests` with strict validation", async () => {
  const out = path.join(fs.mkdtempSync(path.join(os.tmpdir(), "e2e-manifests-")), "out");
  expect((await npmRun("manifests", "--out", out)).code).toBe(0);
  const files = ["data", "app", "observability"].flatMap((layer) =>
    fs
      .readdirSync(path.join(out, layer))
      // the charts' objects are third-party
      .filter((name) => !name.startsWith("chart-"))
      .map((name) => path.join(out, layer, name)),
  );
  expect(files.length).toBeGreaterThan(30);
  const args = ["apply", "--dry-run=server", "--validate=strict"];
  const output = await kube.raw([...args, ...files.flatMap((file) => ["-f", file])], { timeoutMs: 60_000 });
  expect(output.match(/\(server dry run\)/g)).toHaveLength(files.length);
  fs.rmSync(path.dirname(out), { recursive: true });
});

step("every Prometheus target is up, including all of the project's", async () => {
  type Target = { health: string; scrapePool: string; lastError: string; labels: Record<string, string> };
  const targets = await eventually("all targets up", 180, async () => {
    const { activeTargets } = await prometheus<{ activeTargets: Target[] }>("targets?state=active");
    const bad = activeTargets.filter((t) => t.health !== "up");
    const pools = new Set(activeTargets.map((t) => t.scrapePool));
    if (bad.length) throw new Error(bad.map((t) => `${t.scrapePool}: ${t.lastError}`).join("; "));
    return pools.size >= 10 && activeTargets.some((t) => t.labels["job"] === "redis") ? activeTargets : undefined;
  });
  const redis = targets.filter((t) => t.labels["job"] === "redis").map((t) => t.labels["instance"]);
  expect(redis.sort()).toEqual(expect.arrayContaining(["redis-main-0", "redis-replicas-0", "redis-replicas-1"]));
  for (const job of ["node", "react", "redis-exporter"])
    expect(targets.some((t) => t.labels["service"] === job)).toBe(true);
});

step("the exporter reads each Redis instance, and the rules are loaded", async () => {
  const up = await eventually("redis_up of three instances", 60, async () => {
    const { result } = await prometheus<{ result: { value: [number, string] }[] }>("query?query=redis_up");
    return result.length >= 3 ? result.map((r) => r.value[1]) : undefined;
  });
  expect(new Set(up)).toEqual(new Set(["1"]));
  const { groups } = await prometheus<{ groups: { name: string; rules: { health: string }[] }[] }>("rules");
  const ours = groups.filter((g) => g.name.startsWith("iacproject-"));
  expect(ours.map((g) => g.name).sort()).toEqual(
    ["api", "autoscaling", "objectives", "redis"].map((name) => `iacproject-${name}`),
  );
  for (const rule of ours.flatMap((g) => g.rules)) expect(rule.health).not.toBe("err");
});

step("Grafana knows every dashboard and data source", async () => {
  const password = await secret(monitoring, "grafana-admin", "admin-password");
  expect(password).toHaveLength(32);
  const uids = Object.values(dashboards({ namespace: app, runbooks: "", fast: false })).map(
    (d) => (d as { uid: string }).uid,
  );
  await forward(monitoring, "svc/kube-prometheus-stack-grafana", 80, async (address) => {
    const get = async (path: string): Promise<{ uid: string }[]> => {
      const headers = { authorization: `Basic ${Buffer.from(`admin:${password}`).toString("base64")}` };
      const response = await fetch(`${address}${path}`, { headers, signal: AbortSignal.timeout(10_000) });
      if (!response.ok) throw new Error(`${path}: ${response.status}`);
      return (await response.json()) as { uid: string }[];
    };
    await eventually("the project's dashboards", 120, async () => {
      const found = (await get("/api/search")).map((d) => d.uid);
      return uids.every((uid) => found.includes(uid)) ? true : undefined;
    });
    expect((await get("/api/datasources")).map((d) => d.uid)).toEqual(["prometheus", "alertmanager"]);
    expect((await fetch(`${address}/api/search`)).status).toBe(401);
  });
});

step(
  "no password appears in states, plans, command output, logs, environments, images, the repository, or objects",
  async () => {
    const passwords = [
      ...(await Promise.all(redisUserNames.map((user) => secret(app, "redis-users", user)))),
      await secret(monitoring, "grafana-admin", "admin-password"),
    ];
    const { texts, unread } = await scannedTexts(LAYERS);
    const found = [...texts].filter(([, text]) => passwords.some((p) => text.includes(p))).map(([name]) => name);
    expect(found).toEqual([]);
    // the passwords were read, and the scan covers each kind of text
    expect(passwords.every((p) => p.length >= 32)).toBe(true);
    const names = [...texts.keys()].join("\n");
    for (const kind of [
      "state",
      "plan of data",
      "output of the commands",
      "log of redis-main-0",
      "environment of redis-main-0",
      "image of node",
    ])
      expect(names).toContain(kind);
    expect(names).toContain("environment of node-");
    console.log(
      `${texts.size} texts scanned; containers without a shell, whose environment is in their pod's object: ${unread.join(", ")}`,
    );
  },
);

step("under load the API scales out without a failed request, and `diff` stays empty", async () => {
  const rate = await rateOf(0.5);
  console.log(`load: ${rate} requests a second`);
  const load = await startLoad(rate, 100);
  try {
    const count = await eventually("a third API pod to be Ready", 110, async () => {
      const ready = (await kube.get("deploy", "node", app))?.status?.readyReplicas as number | undefined;
      if (ready && ready > 2) return ready;
      throw new Error(
        `${ready} Ready; the autoscaler says ${JSON.stringify((await kube.get("hpa", "node", app))?.status)}`,
      );
    });
    console.log(`scaled out to ${count} API pods`);
    expect((await npmRun("diff")).code).toBe(0);
    const { sent, late, seen } = await load.result();
    console.log(`load: ${sent} requests, ${late} not sent, answers ${JSON.stringify(seen)}`);
    // every key is absent, so 404 is the correct response
    expect(seen).toEqual({ 404: sent });
    // a busy machine sends fewer requests, but at least half
    expect(sent).toBeGreaterThan(rate * 50);
  } finally {
    await load.remove();
  }
  expect((await npmRun("diff")).code).toBe(0);
});

step("if the autoscaler scales between plan and apply, its count is kept", async () => {
  const dir = projectPath("cdktf.out", "stacks", "app");
  // an actual change to the pods: a different memory request
  const synth = await command("npx", ["tsx", "main.ts"], {
    env: { ...env, IAC_NODE_RESOURCES_MEMORY: "97Mi" },
  });
  expect(synth.code).toBe(0);
  const plan = await command("terraform", ["plan", "-input=false", "-no-color", "-out=race.bin"], { cwd: dir });
  expect(plan.output).toMatch(/1 to change/);
  // the autoscaler scales: out, as under a burst of load, or in if it is already near its maximum
  const { minReplicas, maxReplicas } = (await kube.get("hpa", "node", app))!.spec as Record<string, number>;
  const bound = (bounds: object) =>
    kube.raw(["-n", app, "patch", "hpa", "node", "--type=merge", "-p", JSON.stringify({ spec: bounds })]);
  const count = await specReplicas("deploy", "node");
  const moved = count + 2 <= maxReplicas! ? count + 2 : count - 2;
  await bound({ minReplicas: moved, maxReplicas: moved });
  await eventually("the autoscaler to scale", 60, async () =>
    (await specReplicas("deploy", "node")) === moved ? true : undefined,
  );
  const apply = await command("terraform", ["apply", "-input=false", "-no-color", "race.bin"], { cwd: dir });
  expect(apply.code).toBe(0);
  const seen = new Set<number>();
  for (let i = 0; i < 10; i++) {
    seen.add(await specReplicas("deploy", "node"));
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
  expect([...seen]).toEqual([moved]);
  await bound({ minReplicas, maxReplicas });
  expect((await npmRun("up")).code).toBe(0);
  // the autoscaler settles at the count that the load in its window requires, which may be the current one
  const rest = await settled("deploy", "node");
  expect(rest).toBeGreaterThanOrEqual(Math.min(count, moved));
  expect(rest).toBeLessThanOrEqual(Math.max(count, moved));
});

step(
  "Redis passwords rotate under load: no request fails, the old passwords are refused, and `diff` stays empty",
  async () => {
    const old = await secret(app, "redis-users", "api-write");
    const load = await startLoad(50, 75, { writes: 20 });
    try {
      const { code, output } = await npmRun("rotate", "--yes");
      expect(code).toBe(0);
      expect(output).toMatch(/old passwords .*removed from \d+ instances/);
      const { sent, late, seen } = await load.result();
      console.log(`load: ${sent} requests, ${late} not sent, answers ${JSON.stringify(seen)}`);
      // some keys exist, because the load writes; the others are absent
      const { 200: found = 0, 404: absent = 0, ...others } = seen;
      expect({ others, answered: found + absent }).toEqual({ others: {}, answered: sent });
    } finally {
      await load.remove();
    }
    expect(await secret(app, "redis-users", "api-write")).not.toBe(old);
    for (const pod of await redisPodNames()) {
      const log = ["-n", app, "exec", pod, "-c", "redis", "-i", "--", "redis-cli"];
      expect(await kube.raw(log, { input: `AUTH api-write ${old}\n` })).toContain("WRONGPASS");
    }
    expect((await npmRun("diff")).code).toBe(0);
  },
);

step("since it started, Redis has not denied a command to any workload", async () => {
  for (const pod of await redisPodNames()) {
    expect([pod, refusedCommands(await redis(pod, "--raw", "ACL", "LOG", "100"))]).toEqual([pod, []]);
  }
});

step("`diff` shows a manual change, and `up` reverts it without changing the replica count", async () => {
  await kube.raw(["-n", app, "set", "env", "deploy/node", "ALLOWED_ORIGINS=https://elsewhere.example"]);
  const count = await specReplicas("deploy", "node");
  const { code, output } = await npmRun("diff");
  expect(code).toBe(2);
  expect(output).toMatch(/app .*changed manually: node/);
  expect(output).toMatch(/revert node: spec\.template\.spec\.containers\.0\.env/);
  const up = await npmRun("up");
  expect(up.code).toBe(0);
  expect(up.output).toMatch(/app .*manual changes reverted: node/);
  expect(await specReplicas("deploy", "node")).toBe(count);
  expect((await npmRun("diff")).code).toBe(0);
});

step("labels and annotations that a cloud or another tool adds are kept, and `diff` stays empty", async () => {
  const kinds = "svc,cm,secret,sa,role,rolebinding,networkpolicy,pdb,hpa,deploy,sts";
  const foreign = ["cloud.example.com/neg=added", "app.kubernetes.io/instance=other", "team=blue"];
  const objects = [
    ["-n", app, kinds, "-l", "app.kubernetes.io/part-of=iacproject"],
    ["namespace", app],
  ];
  for (const verb of ["annotate", "label"])
    for (const which of objects) await kube.raw([verb, ...which, ...foreign, "--overwrite"], { timeoutMs: 60_000 });
  expect((await npmRun("diff")).code).toBe(0);
  expect((await npmRun("up")).code).toBe(0);
  const service = await kube.get("service", "node", app);
  expect(service!.metadata.annotations).toMatchObject({ "cloud.example.com/neg": "added" });
  expect(service!.metadata.labels).toMatchObject({ team: "blue", "app.kubernetes.io/instance": "other" });
});

step("`down` removes everything that `up` deployed, and nothing else", async () => {
  const { code, output } = await npmRun("down", "--yes");
  expect(code).toBe(0);
  expect(output).toContain("all keys and values");
  expect(output).toContain("nothing is left");
  await expectAsBefore(before);
});

step("a second `down` has nothing to do", async () => {
  const { code, output } = await npmRun("down", "--yes");
  expect(code).toBe(0);
  expect(output).toMatch(/data .*nothing deployed/);
});
