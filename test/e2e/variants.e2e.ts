/**
 * Tier `variants`: deploys a second system next to the first one and lets it use what the cluster already has: an
 * existing namespace, state in the cluster, the first system's Prometheus and metrics-server, a node port. E2E_MIRROR
 * names a registry that also holds the third-party images; if it is set, the first system pulls every image from there.
 */
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { TLS_NAMES } from "../../modules/redis/tls";
import { Authority } from "../helpers/authority";
import { removeAfterFailure, step } from "./helpers/steps";
import {
  app,
  eventually,
  expectNoDeployment,
  inventory,
  kube,
  monitoring,
  npmRunWith,
  projectPath,
  prometheus,
  query,
} from "./helpers/system";

const SECOND = "iac-second";
const second = {
  IAC_NAMESPACES_APP: SECOND,
  IAC_NAMESPACES_CREATE: "false",
  IAC_OBSERVABILITY: "existing",
  IAC_METRICS_SERVER_MODE: "existing",
  IAC_STATE_BACKEND: "kubernetes",
  IAC_STATE_PREFIX: "second",
  IAC_EXPOSURE_TYPE: "NodePort",
  IAC_REDIS_DURABILITY: "fast",
  IAC_NAMESPACES_QUOTA: "true",
  IAC_REDIS_TLS_SECRET: "redis-tls",
  IAC_REDIS_STORAGE_CLASS: "e2e-growing",
};
/** The same with a larger volume. */
const grown = { ...second, IAC_REDIS_STORAGE: "2Gi" };

const mirror = process.env["E2E_MIRROR"];
const first: Record<string, string> = mirror ? { IAC_IMAGES_MIRROR: mirror } : {};

/** A namespace on a cluster that the user does not administer, and a ServiceAccount that has access only to it. */
const COURSE = "iac-course";
const COURSE_FILES = ".state/e2e-course";
const STUDENT = "e2e-student";
/** Temporary location of the second system's states. */
const FILES = ".state/e2e-second";

let before: string[];

// removes the second system before the first, because the second one uses the first one's CRDs
afterAll(async () => {
  for (const folder of [FILES, COURSE_FILES]) fs.rmSync(projectPath(folder), { recursive: true, force: true });
  await kube.raw(["delete", "namespace", COURSE, "--ignore-not-found"], { timeoutMs: 120_000 });
  await kube.raw(["-n", "default", "delete", "serviceaccount", STUDENT, "--ignore-not-found"]);
  if (await kube.get("deployment", "node", SECOND)) await npmRunWith(second, "down", "--yes");
  await kube.raw(["delete", "namespace", SECOND, "--ignore-not-found"], { timeoutMs: 120_000 });
  await kube.raw(["-n", "default", "delete", "secrets,leases", "-l", "tfstate=true"]);
  await kube.raw(["delete", "storageclass", second.IAC_REDIS_STORAGE_CLASS, "--ignore-not-found"]);
});
removeAfterFailure(first);

/**
 * Creates a copy of the cluster's default class that allows expansion, so the API server accepts larger claims. If the
 * driver cannot resize volumes, only the claims become larger.
 */
async function createGrowingClass(): Promise<void> {
  const isDefault = "storageclass.kubernetes.io/is-default-class";
  const found = (await kube.list("storageclass")).find((c) => c.metadata.annotations?.[isDefault] === "true")!;
  const { provisioner, parameters, reclaimPolicy, volumeBindingMode } = found as unknown as Record<string, unknown>;
  const growing = {
    apiVersion: "storage.k8s.io/v1",
    kind: "StorageClass",
    metadata: { name: second.IAC_REDIS_STORAGE_CLASS },
    ...{ provisioner, parameters, reclaimPolicy, volumeBindingMode, allowVolumeExpansion: true },
  };
  await kube.apply(growing);
}

step("the first system is up", async () => {
  await expectNoDeployment();
  expect((await npmRunWith(first, "up")).code).toBe(0);
  if (mirror) {
    const pods = await Promise.all([app, monitoring].map((namespace) => kube.list("pods", "-n", namespace)));
    const images = pods.flat().flatMap((p) => (p.spec?.["containers"] as { image: string }[]).map((c) => c.image));
    expect(images.filter((image) => !image.startsWith(`${mirror}/`))).toEqual([]);
  } else console.warn("SKIPPED: images from a mirror are not tested, because E2E_MIRROR is not set");
  const namespace = {
    apiVersion: "v1",
    kind: "Namespace",
    metadata: { name: SECOND, labels: { "pod-security.kubernetes.io/enforce": "restricted" } },
  };
  await kube.apply(namespace);
  await createGrowingClass();
  before = await inventory();
});

step(
  "the second system is deployed into an existing namespace, with state in the cluster and Redis over TLS",
  async () => {
    const refused = await npmRunWith(second, "up");
    expect(refused.code).toBe(1);
    expect(refused.output).toContain(`there is no such Secret in namespace ${SECOND}`);
    const authority = new Authority();
    const dir = fs.mkdtempSync(path.join(os.tmpdir(), "e2e-tls-"));
    authority.issue(dir, ...TLS_NAMES);
    const files = ["ca.crt", "tls.crt", "tls.key"].map((file) => `--from-file=${path.join(dir, file)}`);
    await kube.raw(["-n", SECOND, "create", "secret", "generic", "redis-tls", ...files]);
    authority.remove();
    fs.rmSync(dir, { recursive: true });
    const { code } = await npmRunWith(second, "up");
    expect(code).toBe(0);
    const secrets = (await kube.list("secrets", "-n", "default", "-l", "tfstate=true")).map((s) => s.metadata.name);
    expect(secrets.sort()).toEqual(
      ["app", "data", "images", "observability"].map((layer) => `tfstate-default-second-${layer}`),
    );
    expect((await npmRunWith(second, "diff")).code).toBe(0);
  },
);

step("`doctor` explains a lock that a killed run left behind, and names the command that releases it", async () => {
  const name = "lock-tfstate-default-second-data";
  const info = { ID: "4-2", Who: "ada@laptop", Operation: "OperationTypeApply", Created: "2026-01-02T03:04:05Z" };
  const held = (holder: string | null) =>
    kube.raw([
      "-n",
      "default",
      "patch",
      "lease",
      name,
      "--type=merge",
      "-p",
      JSON.stringify({
        metadata: { annotations: { "app.terraform.io/lock-info": holder ? JSON.stringify(info) : null } },
        spec: { holderIdentity: holder },
      }),
    ]);
  await held("4-2");
  const { code, output } = await npmRunWith(second, "doctor");
  expect(code).toBe(1);
  expect(output).toMatch(/layer data is held by ada@laptop \(apply\) since 2026-01-02 03:04:05 UTC/);
  expect(output).toContain("-chdir=cdktf.out/stacks/data force-unlock 4-2");
  await held(null);
  expect((await npmRunWith(second, "doctor")).code).toBe(0);
});

step(
  "one command moves the second system's states to files, and one moves them back; a deployment that would not find them is refused",
  async () => {
    const files = { ...second, IAC_STATE_BACKEND: "local", IAC_STATE_DIR: FILES };
    const refused = await npmRunWith(files, "up");
    expect(refused.code).not.toBe(0);
    expect(refused.output).toContain("npm run state -- --from kubernetes");
    expect((await npmRunWith(files, "state", "--from", "kubernetes", "--yes")).output).toContain("4 of 4 states moved");
    expect((await npmRunWith(files, "diff")).code).toBe(0);
    // this changes the states in files, so that those in the cluster are older
    expect((await npmRunWith({ ...files, IAC_NODE_RESOURCES_MEMORY: "97Mi" }, "up")).code).toBe(0);
    const back = await npmRunWith(
      { ...second, IAC_STATE_DIR: files.IAC_STATE_DIR },
      "state",
      "--from",
      "local",
      "--yes",
    );
    expect(back.output).toMatch(/of 4 states moved from local to kubernetes/);
  },
);

step("the second system's page is served on a node port", async () => {
  const port = (await kube.get("service", "react", SECOND))!.spec.ports[0].nodePort as number;
  const node = (await kube.list("nodes"))[0]!;
  const ip = node.status.addresses.find((a: { type: string }) => a.type === "InternalIP").address as string;
  expect((await npmRunWith(second, "smoke", "--url", `http://${ip}:${port}`)).code).toBe(0);
});

step("the first system's Prometheus scrapes the second system", async () => {
  type Target = { health: string; labels: Record<string, string> };
  const jobs = await eventually("targets of the second system", 120, async () => {
    const { activeTargets } = await prometheus<{ activeTargets: Target[] }>("targets?state=active");
    const ours = activeTargets.filter((t) => t.labels["namespace"] === SECOND);
    return ours.length >= 8 && ours.every((t) => t.health === "up") ? ours.map((t) => t.labels["job"]) : undefined;
  });
  expect(new Set(jobs)).toEqual(new Set(["node", "react", "redis", "redis-exporter"]));
  // the exporter connects to each Redis instance over TLS
  await eventually("every Redis to be up", 90, async () => {
    const found = await query(`redis_up{namespace="${SECOND}"}`);
    return found.length >= 3 && found.every((r) => r.value[1] === "1") ? true : undefined;
  });
  const plain = await kube.raw([
    "-n",
    SECOND,
    "exec",
    "redis-main-0",
    "-c",
    "redis",
    "--",
    "sh",
    "-c",
    "/usr/local/bin/redis-cli PING 2>&1 || true",
  ]);
  expect(plain).not.toMatch(/PONG|NOAUTH/);
});

step("the second system's volume grows without a restart, and no smaller size or other class is accepted", async () => {
  const claim = async () =>
    (await kube.get("pvc", "data-redis-main-0", SECOND))!.spec.resources.requests.storage as string;
  const state = async () => {
    const pods = await kube.list("pods", "-n", SECOND, "-l", "app.kubernetes.io/name in (redis-main, redis-replica)");
    const set = (await kube.get("statefulset", "redis-main", SECOND))!;
    const restarts = pods.map((p) => [
      p.metadata.uid,
      p.status.containerStatuses.map((c: { restartCount: number }) => c.restartCount),
    ]);
    return { pods: restarts, template: set.spec.template as object };
  };
  const start = await state();
  expect((await npmRunWith(grown, "diff")).code).toBe(2);
  const plain = await npmRunWith(grown, "up");
  expect(plain.code).toBe(0);
  expect(await claim()).toBe("2Gi");
  const set = (await kube.get("statefulset", "redis-main", SECOND))!;
  expect(set.spec.volumeClaimTemplates[0].spec.resources.requests.storage).toBe("2Gi");
  expect(await state()).toEqual(start);
  expect((await npmRunWith(grown, "diff")).code).toBe(0);
  // no field has changed its manager, so a change to the pods does not conflict
  expect((await npmRunWith({ ...grown, IAC_REDIS_MAIN_CPU: "110m" }, "up")).code).toBe(0);

  const smaller = await npmRunWith(second, "up");
  expect(smaller.code).toBe(1);
  expect(smaller.output).toContain("redis.storage is 1Gi, but the volume of main has 2Gi");
  const otherClass = await npmRunWith({ ...grown, IAC_REDIS_STORAGE_CLASS: "other" }, "up");
  expect(otherClass.output).toContain("redis.storageClass is other, but");
  expect((await npmRunWith(grown, "up")).code).toBe(0);
});

step("enlarging a volume whose class does not allow expansion is refused before anything is changed", async () => {
  const isFixed = (await kube.list("storageclass"))
    .filter((c) => c.metadata.name !== second.IAC_REDIS_STORAGE_CLASS)
    .every((c) => !(c as unknown as { allowVolumeExpansion?: boolean }).allowVolumeExpansion);
  if (!isFixed)
    return console.warn(
      "SKIPPED: a volume that cannot grow is not tested, because a storage class of this cluster allows expansion",
    );
  const { code, output } = await npmRunWith({ ...first, IAC_REDIS_STORAGE: "2Gi" }, "up");
  expect(code).toBe(1);
  expect(output).toMatch(/the volume data-redis-main-0 stays at 1Gi: its storage class .* does not allow expansion/);
  expect((await npmRunWith(first, "diff")).code).toBe(0);
});

step("`down` removes the second system and its data, and nothing else", async () => {
  const { code, output } = await npmRunWith(grown, "down", "--yes");
  expect(code).toBe(0);
  expect(output).toContain("the namespaces stay");
  expect(output).toMatch(/kept: .*tfstate-default-second/);
  // `down` keeps a Secret that the user created
  await kube.raw(["-n", SECOND, "delete", "secret", "redis-tls"]);
  const state = /Secret default\/tfstate-|Secret .*tfstate/;
  await eventually("the cluster to be as before", 60, async () => {
    const now = await inventory();
    const extra = now.filter((o) => !before.includes(o) && !state.test(o));
    const missing = before.filter((o) => !now.includes(o));
    if (extra.length || missing.length)
      throw new Error(`left: ${extra.join(", ") || "nothing"}; missing: ${missing.join(", ") || "nothing"}`);
    return true;
  });
  expect((await npmRunWith(first, "diff")).code).toBe(0);
  expect((await npmRunWith(first, "smoke")).code).toBe(0);
});

step(
  "a user with access to a single namespace gets a clear error, then deploys, uses and removes the system with a profile",
  async () => {
    const namespace = { apiVersion: "v1", kind: "Namespace", metadata: { name: COURSE } };
    const bound = { kind: "ServiceAccount", name: STUDENT, namespace: "default" };
    const binding = {
      apiVersion: "rbac.authorization.k8s.io/v1",
      kind: "RoleBinding",
      metadata: { name: "admin", namespace: COURSE },
      roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: "admin" },
      subjects: [bound],
    };
    await kube.apply({ apiVersion: "v1", kind: "List", items: [namespace, binding] });
    await kube.raw(["-n", "default", "create", "serviceaccount", STUDENT]);
    const view = await kube.raw(["config", "view", "--raw", "--minify", "--flatten", "-o", "json"]);
    const kubeconfig = JSON.parse(view) as {
      users: { user: object }[];
      clusters: { cluster: { server: string } }[];
    };
    const token = await kube.raw(["-n", "default", "create", "token", STUDENT, "--duration=1h"]);
    kubeconfig.users[0]!.user = { token: token.trim() };
    const file = path.join(fs.mkdtempSync(path.join(os.tmpdir(), "e2e-course-")), "kubeconfig");
    fs.writeFileSync(file, JSON.stringify(kubeconfig), { mode: 0o600 });
    const student = { KUBECONFIG: file, IAC_NAMESPACES_APP: COURSE, IAC_STATE_DIR: COURSE_FILES };
    const before = await inventory();

    const refused = await npmRunWith(student, "up");
    expect(refused.code).toBe(1);
    expect(refused.output).toContain("set namespaces.create to false");
    const alsoRefused = await npmRunWith({ ...student, IAC_NAMESPACES_CREATE: "false" }, "up");
    expect(alsoRefused.code).toBe(1);
    expect(alsoRefused.output).toContain("cluster-wide");
    expect(alsoRefused.output).toContain("metricsServer.mode: existing");
    expect(await inventory()).toEqual(before);

    const profile = { ...student, IAC_PROFILE: "namespace" };
    expect((await npmRunWith(profile, "doctor")).code).toBe(0);
    expect((await npmRunWith(profile, "up")).code).toBe(0);
    expect((await npmRunWith(profile, "diff")).code).toBe(0);
    expect((await npmRunWith(profile, "status")).code).toBe(0);

    // the fast scaler needs the addresses of the Kubernetes API, which this user must not read
    const fast = { ...profile, IAC_SCALING_FAST: "true" };
    const unknown = await npmRunWith(fast, "up");
    expect(unknown.code).toBe(1);
    expect(unknown.output).toContain("cluster.apiServer.blocks");
    const server = new URL(kubeconfig.clusters[0]!.cluster.server);
    const known = {
      ...fast,
      IAC_CLUSTER_API_SERVER_BLOCKS: JSON.stringify([`${server.hostname}/32`]),
      IAC_CLUSTER_API_SERVER_PORT: server.port,
    };
    expect((await npmRunWith(known, "up")).code).toBe(0);
    expect((await npmRunWith(known, "diff")).code).toBe(0);
    await eventually("the fast scaler to lead", 60, async () =>
      (await kube.get("lease", "scaler", COURSE))?.spec?.holderIdentity ? true : undefined,
    );
    const down = await npmRunWith(known, "down", "--yes");
    expect(down.code).toBe(0);
    expect(down.output).toContain("not checked (this user may not list them)");
    await eventually("the cluster to be as before", 60, async () => {
      const extra = (await inventory()).filter((o) => !before.includes(o));
      if (extra.length) throw new Error(`left: ${extra.join(", ")}`);
      return true;
    });
    fs.rmSync(path.dirname(file), { recursive: true });
  },
);

step("the first system is removed", async () => {
  expect((await npmRunWith(first, "down", "--yes")).code).toBe(0);
});
