/**
 * Tier `flows`: the network policies allow every flow in the table and nothing else, in both directions: between all
 * workloads, from monitoring, from KEDA, and from pods without the required labels. The pods are stand-ins that listen
 * on every port in the table, with the policies of a deployment in force.
 */
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { flows, type Flow, type Peer } from "../../modules/policies/flows";
import { KEDA_OPERATOR_LABELS } from "../../modules/autoscaling/keda";
import { REDIS_USER, selectorLabels } from "../../catalog/names";
import { JOBS } from "../../catalog/workloads";
import { deployedComponents } from "../../modules/kubernetes/sizing";
import { IMAGES } from "../../catalog/versions";
import { testConfig } from "../helpers/layers";
import { step } from "./helpers/steps";
import { eventually, isReady, kube, npmRunWith } from "./helpers/system";

const NAMESPACES = { app: "iac-flows", monitoring: "iac-flows-monitoring", keda: "iac-flows-keda" };
/** Settings that give the longest table. */
const settings = {
  IAC_NAMESPACES_APP: NAMESPACES.app,
  IAC_NAMESPACES_MONITORING: NAMESPACES.monitoring,
  IAC_NAMESPACES_KEDA: NAMESPACES.keda,
  IAC_REDIS_DURABILITY: "ha",
  IAC_SCALING_ENGINE: "keda",
  IAC_REDIS_BACKUP_SCHEDULE: "@daily",
};
const config = testConfig({
  redis: { durability: "ha", backup: { schedule: "@daily" } },
  scaling: { engine: "keda" },
});
const parts = [...deployedComponents(config), ...JOBS];
const table = flows(config).filter(
  (f): f is Flow & { port: number } => f.protocol === "TCP" && f.port !== undefined && f.to !== "dns",
);
const ports = [...new Set(table.map((f) => f.port))];

type NamespaceName = keyof typeof NAMESPACES;
/**
 * The namespace and labels of each stand-in. An unrelated pod is in the same namespace as allowed pods, but lacks their
 * labels.
 */
const peers: Readonly<Record<string, { namespace: NamespaceName; labels: Record<string, string> }>> = {
  ...Object.fromEntries(parts.map((part) => [part, { namespace: "app" as const, labels: selectorLabels(part) }])),
  prometheus: { namespace: "monitoring", labels: { "app.kubernetes.io/name": "prometheus" } },
  keda: { namespace: "keda", labels: KEDA_OPERATOR_LABELS },
  "stranger-in-app": { namespace: "app", labels: {} },
  "stranger-in-monitoring": { namespace: "monitoring", labels: {} },
  "stranger-in-keda": { namespace: "keda", labels: {} },
};
const names = Object.keys(peers);
const outside = (name: string) => peers[name]!.namespace !== "app";

const allowed = (from: string, to: string, port: number): boolean =>
  table.some((f) => f.to === (to as Peer) && f.port === port && (f.from === from || f.from === "anyone")) &&
  // the source's policy must allow the connection too
  (outside(from) || table.some((f) => f.from === (from as Peer) && f.to === (to as Peer) && f.port === port));

const pod = (name: string) => ({
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name, namespace: NAMESPACES[peers[name]!.namespace], labels: peers[name]!.labels },
  spec: {
    automountServiceAccountToken: false,
    terminationGracePeriodSeconds: 0,
    securityContext: { runAsNonRoot: true, runAsUser: REDIS_USER, seccompProfile: { type: "RuntimeDefault" } },
    containers: [
      {
        name: "listener",
        image: IMAGES.redis,
        // any listening server would do; the cluster pulls this image anyway
        command: [
          "sh",
          "-c",
          `for port in ${ports.join(" ")}; do redis-server --port $port --protected-mode no --save "" --dir /tmp & done; wait`,
        ],
        resources: { requests: { cpu: "5m", memory: "32Mi" }, limits: { memory: "128Mi" } },
        securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ["ALL"] } },
        readinessProbe: { exec: { command: ["sh", "-c", ports.map((p) => `redis-cli -p ${p} PING`).join(" && ")] } },
      },
    ],
  },
});

const remove = () =>
  kube.raw(["delete", "namespace", ...Object.values(NAMESPACES), "--ignore-not-found"], { timeoutMs: 180_000 });
afterAll(remove);

/** The destinations that a stand-in can connect to, as `to:port`. */
async function reached(from: string, addresses: Readonly<Record<string, string>>): Promise<string[]> {
  const tries = Object.entries(addresses).flatMap(([to, address]) =>
    ports.map((port) => `(timeout 3 bash -c '</dev/tcp/${address}/${port}' 2>/dev/null && echo ${to}:${port}) &`),
  );
  const args = ["-n", NAMESPACES[peers[from]!.namespace], "exec", "-i", from, "--", "bash"];
  const output = await kube.raw(args, { input: `${tries.join("\n")}\nwait\n`, timeoutMs: 60_000 });
  return output.split("\n").filter(Boolean);
}

step("stand-ins for every workload listen, with the policies of a deployment in force", async () => {
  await remove();
  const out = path.join(fs.mkdtempSync(path.join(os.tmpdir(), "e2e-flows-")), "manifests");
  expect((await npmRunWith(settings, "manifests", "--out", out)).code).toBe(0);
  for (const name of Object.values(NAMESPACES)) await kube.raw(["create", "namespace", name]);
  const policies = fs.readdirSync(path.join(out, "data")).filter((f) => f.startsWith("networkpolicy-"));
  expect(policies.length).toBe(parts.length + 1);
  for (const file of policies) await kube.raw(["apply", "-f", path.join(out, "data", file)]);
  await kube.raw(["create", "-f", "-"], {
    input: JSON.stringify({ apiVersion: "v1", kind: "List", items: names.map(pod) }),
  });
  await eventually("every stand-in to listen", 120, async () => {
    const all = await Promise.all(names.map((n) => kube.get("pod", n, NAMESPACES[peers[n]!.namespace])));
    const waiting = names.filter((_, i) => !all[i] || !isReady(all[i]));
    if (waiting.length) throw new Error(`not Ready: ${waiting.join(", ")}`);
    return true;
  });
});

step("the policies allow every flow in the table, and no others", async () => {
  const addresses: Record<string, string> = {};
  for (const name of names) {
    addresses[name] = (await kube.get("pod", name, NAMESPACES[peers[name]!.namespace]))!.status.podIP as string;
  }
  // policies do not apply if both ends are outside the namespace, and a pod can always reach itself
  const isRestricted = (from: string, to: string) => from !== to && !(outside(from) && outside(to));
  const all = names.flatMap((from) =>
    names.flatMap((to) => ports.map((port) => ({ from, to, port, line: `${from} > ${to}:${port}` }))),
  );
  const tried = all.filter(({ from, to }) => isRestricted(from, to));
  const expected = tried.filter(({ from, to, port }) => allowed(from, to, port)).map(({ line }) => line);
  const wrong = await eventually("the policies to apply on each node", 90, async () => {
    const seen = new Set<string>();
    for (const from of names) for (const to of await reached(from, addresses)) seen.add(`${from} > ${to}`);
    const open = tried.filter(({ line }) => seen.has(line) && !expected.includes(line)).map(({ line }) => line);
    const shut = expected.filter((line) => !seen.has(line));
    if (open.length + shut.length)
      throw new Error(`wrongly allowed: ${open.join(", ")}; wrongly blocked: ${shut.join(", ")}`);
    return { open, shut };
  });
  expect(wrong).toEqual({ open: [], shut: [] });
  console.log(`${tried.length} connections tried, ${expected.length} of them allowed`);
  expect(expected.length).toBeGreaterThan(15);
});

step("every workload can resolve names, and none can reach the Kubernetes API", async () => {
  for (const part of parts) {
    const run = (script: string) => kube.raw(["-n", NAMESPACES.app, "exec", part, "--", "bash", "-c", script]);
    expect(await run("getent hosts kubernetes.default.svc.cluster.local")).toMatch(/kubernetes\.default/);
    const api =
      "timeout 3 bash -c '</dev/tcp/'$KUBERNETES_SERVICE_HOST/$KUBERNETES_SERVICE_PORT && echo reached || echo no";
    // the API's own rule is known only at deploy time; the core tier covers it
    expect([part, (await run(`${api} 2>/dev/null`)).trim()]).toEqual([part, "no"]);
  }
});

step("everything is removed", async () => {
  await remove();
});
