import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { gzipSync } from "node:zlib";
import { Kube } from "../../../scripts/cluster/kubectl";
import { DEPLOYMENT_RECORD, ownSettings, writeRecord } from "../../../scripts/deploy/deployment-record";
import { checkSystemIsKnown } from "../../../scripts/deploy/unknown-deployment";
import type { Terraform } from "../../../scripts/terraform/terraform";
import { RunError, type Run } from "../../../scripts/terminal/run-program";
import { testConfig } from "../../helpers/layers";

const OURS = { "app.kubernetes.io/part-of": "iacproject" };
const dir = fs.mkdtempSync(path.join(os.tmpdir(), "iacproject-unknown-"));
afterAll(() => fs.rmSync(dir, { recursive: true }));
afterEach(() => fs.readdirSync(dir).forEach((name) => fs.rmSync(path.join(dir, name), { recursive: true })));
const stateFile = (resources: unknown[]) =>
  fs.writeFileSync(path.join(dir, "data.tfstate"), JSON.stringify({ resources }));

interface Cluster {
  readonly namespace?: object;
  readonly workloads?: readonly object[];
  readonly record?: object;
  /** Content of the state's Secret. */
  readonly secret?: string;
}
const RECORD = {
  deployedBy: "anna@laptop",
  deployedAt: "2026-11-25 21:00 UTC",
  version: "0.1.0 (abc1234)",
  checkout: "/home/anna/iac",
  backend: "local",
  states: "/home/anna/iac/.state",
  settings: "",
};

/** A cluster with the given objects, which keeps the objects that are applied to it. */
function kubeOf(cluster: Cluster, overrides: object = {}, applied: string[] = []): Kube {
  const run: Run = (_program, args, { input }) => {
    const say = (value: unknown) =>
      Promise.resolve({ code: 0, stdout: value ? JSON.stringify(value) : "", stderr: "" });
    if (args.includes("apply")) return say(applied.push(input!));
    const kind = args[args.indexOf("get") + 1];
    if (kind === "namespace") return say(cluster.namespace);
    if (kind === "configmap") return say(cluster.record && { data: cluster.record });
    if (kind === "secret")
      return say(cluster.secret && { data: { tfstate: gzipSync(cluster.secret).toString("base64") } });
    return say({ items: cluster.workloads ?? [] });
  };
  return new Kube(testConfig({ state: { dir }, ...overrides }), run);
}
const namespace = { kind: "Namespace", metadata: { name: "iacproject", labels: OURS } };

describe("a checkout whose states do not contain the system in the namespace", () => {
  it("stops before anything is changed, and names the system's origin and what to do", async () => {
    await expect(checkSystemIsKnown(kubeOf({ namespace, record: RECORD }))).rejects.toMatchObject({
      message: expect.stringMatching(
        /^Namespace iacproject contains a system that is not in the states of this checkout\. It was deployed by anna@laptop from \/home\/anna\/iac at 2026-11-25 21:00 UTC, version 0\.1\.0 \(abc1234\); its states are in \/home\/anna\/iac\/\.state on that machine\. Nothing was changed\.$/,
      ),
      next: expect.stringMatching(
        /or copy the states to .*namespaces\.app.*npm run up -- --adopt.*npm run down -- --adopt/s,
      ),
    });
  });
  it("also stops if the state was emptied, and if there is no record", async () => {
    stateFile([]);
    await expect(checkSystemIsKnown(kubeOf({ namespace }))).rejects.toThrow("no record of who deployed it");
  });
  it("shows the settings for using states in the cluster or in a bucket", async () => {
    const settings = "state.backend: kubernetes, state.namespace: default, state.prefix: other";
    const record = { ...RECORD, backend: "kubernetes", states: "Secrets tfstate-default-other-…", settings };
    await expect(checkSystemIsKnown(kubeOf({ namespace, record }))).rejects.toMatchObject({
      next: expect.stringContaining(`Use its states: ${settings}.`),
    });
  });
  it("stops in a namespace that it did not create if that namespace contains the project's workloads", async () => {
    const existing = { namespaces: { create: false } };
    const workloads = [{ kind: "Deployment", metadata: { name: "node" } }];
    await expect(checkSystemIsKnown(kubeOf({ workloads }, existing))).rejects.toThrow("contains a system");
    await checkSystemIsKnown(kubeOf({}, existing));
  });
  it("with S3, has Terraform read the state once the layers are synthesized", async () => {
    const s3 = { state: { dir, backend: "s3", bucket: "abc", region: "xy" } };
    const data = (resources: string[]) =>
      ({ init: () => Promise.resolve(), resources: () => Promise.resolve(resources) }) as unknown as Terraform;
    const kube = kubeOf({ namespace }, s3);
    await checkSystemIsKnown(kube);
    await checkSystemIsKnown(kube, data(["kubernetes_namespace_v1.a"]));
    await expect(checkSystemIsKnown(kube, data([]))).rejects.toThrow("contains a system");
  });
});

describe("a checkout", () => {
  it("continues if its states contain the system, in files or in the cluster", async () => {
    stateFile([{}]);
    await checkSystemIsKnown(kubeOf({ namespace }));
    const inCluster = { state: { dir, backend: "kubernetes" } };
    await checkSystemIsKnown(kubeOf({ namespace, secret: '{"resources":[{}]}' }, inCluster));
    await expect(checkSystemIsKnown(kubeOf({ namespace }, inCluster))).rejects.toThrow("contains a system");
  });
  it("continues if there is no system, or the namespace is being deleted or belongs to another tenant", async () => {
    await checkSystemIsKnown(kubeOf({}));
    const leaving = { ...namespace, metadata: { ...namespace.metadata, deletionTimestamp: "2026-11-25T21:00:00Z" } };
    await checkSystemIsKnown(kubeOf({ namespace: leaving }));
    await checkSystemIsKnown(kubeOf({ namespace: { ...namespace, metadata: { name: "iacproject" } } }));
  });
  it("continues after its own interrupted run, whose objects the next run adopts", async () => {
    fs.mkdirSync(path.join(dir, "applying"));
    fs.writeFileSync(path.join(dir, "applying", "data.json"), "{}");
    await checkSystemIsKnown(kubeOf({ namespace }));
  });
});

describe("the record of a deployment", () => {
  const git: Run = () => Promise.resolve({ code: 0, stdout: "abc1234\n", stderr: "" });
  it("states who deployed which version and when, and where the states are, but contains no secrets", async () => {
    const applied: string[] = [];
    const settings = { state: { backend: "kubernetes", prefix: "mine" } };
    const namespace = { kubernetes_namespace_v1: { a: { metadata: { name: "monitoring" } } } };
    const release = { helm_release: { b: { name: "metrics-server", namespace: "kube-system" } } };
    const stacks = { app: { resource: release }, observability: { resource: namespace } };
    expect(await writeRecord(kubeOf({}, settings, applied), stacks, { run: git })).toBeUndefined();
    const { metadata, data } = JSON.parse(applied[0]!) as { metadata: object; data: Record<string, string> };
    expect(metadata).toMatchObject({ name: DEPLOYMENT_RECORD, namespace: "iacproject", labels: OURS });
    expect(data).toEqual({
      deployedBy: expect.stringMatching(/^.+@.+$/),
      deployedAt: expect.stringMatching(/^\d{4}-\d\d-\d\d \d\d:\d\d UTC$/),
      version: expect.stringMatching(/^\d+\.\d+\.\d+ \(abc1234\)$/),
      checkout: expect.stringMatching(/^\//),
      backend: "kubernetes",
      states: "Secrets tfstate-default-mine-… in namespace default",
      settings: "state.backend: kubernetes, state.namespace: default, state.prefix: mine",
      configuration: "",
      outside: "release kube-system/metrics-server\nnamespace monitoring",
    });
  });
  it("contains the settings that differ from the defaults, but none that could be secret", () => {
    const config = testConfig({
      redis: { durability: "ha", storage: "2Gi", backup: { schedule: "0 3 * * *" } },
      namespaces: { app: "keys" },
      images: { node: { image: "registry.example/private/node:1" } },
      registry: { push: "registry.example/me" },
      state: { prefix: "mine" },
    });
    expect(ownSettings(config).sort()).toEqual([
      "namespaces.app: keys",
      "redis.backup.schedule: 0 3 * * *",
      "redis.durability: ha",
      "redis.storage: 2Gi",
    ]);
    expect(ownSettings(testConfig())).toEqual([]);
  });
  it("keeps its information about the system when another checkout adopts the system", async () => {
    const applied: string[] = [];
    const deployed = { version: "0.0.9", configuration: "redis.durability: ha", outside: "namespace monitoring" };
    await writeRecord(kubeOf({}, {}, applied), {}, { deployed, run: git });
    expect((JSON.parse(applied[0]!) as { data: object }).data).toMatchObject(deployed);
  });
  it("a record that cannot be written does not make a deployment fail", async () => {
    const forbidden: Run = () => Promise.reject(new RunError("kubectl", 1, "forbidden", "kubectl failed: forbidden"));
    expect(await writeRecord(new Kube(testConfig(), forbidden), {}, { run: git })).toContain("forbidden");
  });
});
