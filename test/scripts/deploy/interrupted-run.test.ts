/** The next run adopts what a killed run created, but nothing that belongs to another deployment. */
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { adoptOrphans, recordIntent } from "../../../scripts/deploy/interrupted-run";
import { Kube } from "../../../scripts/cluster/kubectl";
import { RunError, type Run } from "../../../scripts/terminal/run-program";
import { targetOf } from "../../../scripts/terraform/cluster-object";
import { Terraform } from "../../../scripts/terraform/terraform";
import { Failure } from "../../../scripts/terminal/ui";
import { testConfig } from "../../helpers/layers";

const folder = fs.mkdtempSync(path.join(os.tmpdir(), "cut-off-"));
afterAll(() => fs.rmSync(folder, { recursive: true }));
const config = testConfig({ state: { dir: folder } });
const file = path.join(folder, "applying", "data.json");

const ownLabels = { "app.kubernetes.io/part-of": "iacproject" };
const metadata = (name: string, namespace?: string) => [{ name, ...(namespace ? { namespace } : {}) }];
const create = (address: string, type: string, after: object) => ({
  address,
  type,
  mode: "managed",
  change: { actions: ["create"], after },
});
const PLANNED = [
  create("kubernetes_namespace_v1.n", "kubernetes_namespace_v1", { metadata: metadata("iacproject") }),
  create("kubernetes_config_map_v1.c", "kubernetes_config_map_v1", { metadata: metadata("redis", "iacproject") }),
  create("kubernetes_secret_v1.s", "kubernetes_secret_v1", { metadata: metadata("redis-users", "iacproject") }),
  create("kubernetes_manifest.m", "kubernetes_manifest", {
    manifest: { apiVersion: "apps/v1", kind: "StatefulSet", metadata: { name: "redis-main", namespace: "iacproject" } },
  }),
  create("helm_release.r", "helm_release", { name: "metrics-server", namespace: "kube-system" }),
  create("random_id.x", "random_id", {}),
  // a deletion, which is ignored
  {
    ...create("kubernetes_service_v1.deleted", "kubernetes_service_v1", {}),
    change: { actions: ["delete"], after: null },
  },
];

/** A cluster with the given objects, by kind and name, and a state with the given addresses. */
function stage(objects: Record<string, object | undefined>, known: readonly string[] = []) {
  const commands: string[] = [];
  const run: Run = (program, args) => {
    // drops kubectl's flags that select the cluster
    const line = args.join(" ").replace(/^(--(kubeconfig|context) \S+ )+/, "");
    if (/^(import|-n \S+ delete|delete)/.test(line)) commands.push(`${program} ${line}`);
    let stdout = "";
    if (line.startsWith("show")) stdout = JSON.stringify({ resource_changes: PLANNED });
    else if (line.startsWith("state list")) stdout = known.join("\n");
    else if (line.startsWith("get ")) {
      const [, kind, name] = line.split(" ");
      const found = kind === "pods" || kind === "secrets" ? objects[kind] : objects[`${kind} ${name}`];
      stdout = found ? JSON.stringify(found) : "";
    }
    return Promise.resolve({ code: 0, stdout, stderr: "" });
  };
  return { kube: new Kube(config, run), terraform: new Terraform(config, "data", run), commands };
}
const object = (name: string, more: object = {}) => ({
  apiVersion: "v1",
  kind: "Thing",
  metadata: { name, labels: ownLabels, creationTimestamp: new Date().toISOString(), ...more },
});
/** Simulates a run that was killed during its apply, so its record remains. */
async function interruptRun(): Promise<void> {
  const { kube, terraform } = stage({});
  let record = "";
  await recordIntent(kube, terraform, () => Promise.resolve((record = fs.readFileSync(file, "utf8"))));
  // a run that ends normally leaves no record
  expect(fs.existsSync(file)).toBe(false);
  fs.writeFileSync(file, record);
}

it.each([
  ["a failure that Terraform reports", new Failure("Layer data: no"), false],
  ["a Terraform that was killed", new RunError("terraform apply", undefined, "", "killed"), true],
  ["a request to stop", new Failure("Stopped on request.", undefined, 130), true],
])("after %s, the next run looks for leftovers only if there may be some", async (_, error, looks) => {
  const { kube, terraform } = stage({});
  await expect(recordIntent(kube, terraform, () => Promise.reject(error))).rejects.toBe(error);
  expect(fs.existsSync(file)).toBe(looks);
  fs.rmSync(file, { force: true });
});

describe("after an interrupted run", () => {
  it("recorded objects that exist but are not in any state are imported, each with the id format of its kind", async () => {
    await interruptRun();
    const { kube, terraform, commands } = stage(
      {
        "namespace iacproject": object("iacproject"),
        "configmap redis": object("redis"),
        "statefulset.apps redis-main": object("redis-main"),
      },
      ["kubernetes_namespace_v1.n"],
    );
    expect(await adoptOrphans(kube, terraform)).toBe(2);
    expect(commands).toEqual([
      "terraform import -input=false -no-color -lock-timeout=30s kubernetes_config_map_v1.c iacproject/redis",
      "terraform import -input=false -no-color -lock-timeout=30s kubernetes_manifest.m apiVersion=apps/v1,kind=StatefulSet,namespace=iacproject,name=redis-main",
    ]);
    // only once
    expect(await adoptOrphans(kube, terraform)).toBeUndefined();
  });

  it.each([
    ["older than the run", { creationTimestamp: "2020-01-01T00:00:00Z" }],
    ["newer than the run's last activity", { creationTimestamp: new Date(Date.now() + 600_000).toISOString() }],
    ["of another deployment", { labels: {} }],
  ])("an object that is %s is not adopted, and Terraform's error is reported", async (_, more) => {
    await interruptRun();
    const { kube, terraform, commands } = stage({ "configmap redis": object("redis", more) });
    expect(await adoptOrphans(kube, terraform)).toBe(0);
    expect(commands).toEqual([]);
  });

  it("a Secret is recreated, because an import would write its values into the state", async () => {
    await interruptRun();
    const { kube, terraform, commands } = stage({ "secret redis-users": object("redis-users"), pods: { items: [] } });
    expect(await adoptOrphans(kube, terraform)).toBe(1);
    expect(commands).toEqual(["kubectl -n iacproject delete secret redis-users --ignore-not-found"]);
  });

  it("a Secret that pods use is not touched", async () => {
    await interruptRun();
    const pod = { ...object("redis-main-0"), spec: { volumes: [{ secret: { secretName: "redis-users" } }] } };
    const { kube, terraform, commands } = stage({
      "secret redis-users": object("redis-users"),
      pods: { items: [pod] },
    });
    await expect(adoptOrphans(kube, terraform)).rejects.toThrow("Secret redis-users is in use by redis-main-0");
    expect(commands).toEqual([]);
    fs.rmSync(file);
  });

  it("only the interrupted revision of a Helm release is removed", async () => {
    await interruptRun();
    const items = [
      object("sh.helm.release.v1.metrics-server.v1", { labels: { status: "deployed" } }),
      object("sh.helm.release.v1.metrics-server.v2", { labels: { status: "pending-upgrade" } }),
    ];
    const { kube, terraform, commands } = stage({ secrets: { items } });
    expect(await adoptOrphans(kube, terraform)).toBe(1);
    expect(commands).toEqual([
      "kubectl -n kube-system delete secrets sh.helm.release.v1.metrics-server.v2 --ignore-not-found",
    ]);
  });

  it("a run that was killed while writing its record cannot have created anything", async () => {
    fs.mkdirSync(path.dirname(file), { recursive: true });
    fs.writeFileSync(file, '{"at": "20');
    const { kube, terraform } = stage({});
    expect(await adoptOrphans(kube, terraform)).toBeUndefined();
    expect(fs.existsSync(file)).toBe(false);
  });
});

it("resources that are not cluster objects or have no name yet are ignored", () => {
  const planned = (type: string, values: Record<string, unknown>) => targetOf(`${type}.x`, type, values);
  expect(planned("docker_image", { name: "node" })).toBeUndefined();
  expect(planned("kubernetes_service_v1", { metadata: [{}] })).toBeUndefined();
  expect(planned("kubernetes_manifest", {})).toBeUndefined();
  expect(planned("kubernetes_service_v1", { metadata: [{ name: "a" }] })).toMatchObject({ name: "a" });
});
