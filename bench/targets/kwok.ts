/** Sets up KWOK: fake nodes, the targets on them, and the process that simulates the nodes' kubelets. */
import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { config } from "../../test/e2e/helpers/system";
import { WORK } from "../lib";

const KWOK_PORT = 10_247;
export const NAMESPACE = "iac-targets";

/** An address of this machine that both the pods and the API server can reach. */
function ownAddress(): string {
  const node = os.hostname();
  const all = Object.values(os.networkInterfaces()).flatMap((list) => list ?? []);
  const found = all.find((a) => a.family === "IPv4" && !a.internal);
  if (!found) throw new Error(`${node} has no address that pods can reach`);
  return process.env["KWOK_ADDRESS"] ?? found.address;
}

export const address = ownAddress();

const nodeName = (i: number) => `iac-fake-${i}`;

/** Fake nodes; metrics-server reads their metrics from KWOK. */
export function nodes(count: number): object[] {
  return Array.from({ length: count }, (_, i) => ({
    apiVersion: "v1",
    kind: "Node",
    metadata: {
      name: nodeName(i),
      labels: { type: "iac-fake", "kubernetes.io/hostname": nodeName(i) },
      annotations: {
        "kwok.x-k8s.io/node": "fake",
        "metrics.k8s.io/resource-metrics-path": `/metrics/nodes/${nodeName(i)}/metrics/resource`,
      },
    },
    spec: { taints: [{ key: "kwok.x-k8s.io/node", value: "fake", effect: "NoSchedule" }] },
    status: {
      // in tests, KWOK set no addresses on a node that was created with a status
      addresses: [
        { type: "InternalIP", address },
        { type: "Hostname", address: nodeName(i) },
      ],
      allocatable: { cpu: "64", memory: "256Gi", pods: "500" },
      capacity: { cpu: "64", memory: "256Gi", pods: "500" },
    },
  }));
}

const name = (i: number) => `t${i}`;

/** A target and its autoscaler, which differs from the project's only in its bounds. */
export function target(i: number): object[] {
  const labels = { app: name(i) };
  return [
    {
      apiVersion: "apps/v1",
      kind: "Deployment",
      metadata: { name: name(i), namespace: NAMESPACE },
      spec: {
        selector: { matchLabels: labels },
        template: {
          metadata: { labels },
          spec: {
            nodeSelector: { type: "iac-fake" },
            tolerations: [{ key: "kwok.x-k8s.io/node", operator: "Exists" }],
            containers: [{ name: "c", image: "fake", resources: { requests: { cpu: "100m" } } }],
          },
        },
      },
    },
    {
      apiVersion: "autoscaling/v2",
      kind: "HorizontalPodAutoscaler",
      metadata: { name: name(i), namespace: NAMESPACE },
      spec: {
        minReplicas: 1,
        maxReplicas: 2,
        scaleTargetRef: { apiVersion: "apps/v1", kind: "Deployment", name: name(i) },
        metrics: [
          {
            type: "ContainerResource",
            containerResource: {
              name: "cpu",
              container: "c",
              target: { type: "Utilization", averageUtilization: 60 },
            },
          },
        ],
      },
    },
  ];
}

/** Starts KWOK with pods whose CPU usage rises from 30m to 90m at the same time, which is the worst case. */
export function startKwok(stepAt: number): ChildProcess {
  const metrics = execFileSync("go", ["list", "-m", "-f", "{{.Dir}}", "sigs.k8s.io/kwok@v0.8.0"], {
    cwd: moduleFolder(),
  })
    .toString()
    .trim();
  const usage = {
    apiVersion: "kwok.x-k8s.io/v1alpha1",
    kind: "ClusterResourceUsage",
    metadata: { name: "step" },
    spec: {
      usages: [
        {
          usage: {
            cpu: {
              expression: `UnixSecond(Now()) < ${(stepAt / 1000).toFixed(1)} ? Quantity("30m") : Quantity("90m")`,
            },
            memory: { value: "16Mi" },
          },
        },
      ],
    },
  };
  const file = path.join(WORK, "kwok.yaml");
  const shipped = ["metrics/resource", "stage/node/fast", "stage/node/heartbeat-with-lease", "stage/pod/fast"].flatMap(
    (folder) => {
      const full = path.join(metrics, "kustomize", folder);
      return fs
        .readdirSync(full)
        .filter((f) => f.endsWith(".yaml") && f !== "kustomization.yaml")
        .map((f) => fs.readFileSync(path.join(full, f), "utf8"));
    },
  );
  fs.writeFileSync(file, [...shipped, JSON.stringify(usage)].join("\n---\n"));
  const [certificate, key] = ["kwok.crt", "kwok.key"].map((f) => path.join(WORK, f));
  const openssl = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=kwok", "-days", "1"];
  execFileSync("openssl", [...openssl, "-keyout", key!, "-out", certificate!], { stdio: "ignore" });
  const log = fs.openSync(path.join(WORK, "kwok.log"), "w");
  return spawn(
    "kwok",
    [
      `--config=${file}`,
      ...(config.kubeconfigs[0] ? [`--kubeconfig=${config.kubeconfigs[0]}`] : []),
      "--manage-all-nodes=false",
      // without a lease, the node counts as lost and its pods count as not Ready
      "--node-lease-duration-seconds=40",
      "--manage-nodes-with-annotation-selector=kwok.x-k8s.io/node=fake",
      `--node-ip=${address}`,
      `--node-port=${KWOK_PORT}`,
      `--server-address=0.0.0.0:${KWOK_PORT}`,
      `--tls-cert-file=${certificate}`,
      `--tls-private-key-file=${key}`,
    ],
    { stdio: ["ignore", log, log] },
  );
}

/** A separate Go module, used to locate KWOK's files. */
function moduleFolder(): string {
  const folder = path.join(WORK, "kwok-module");
  fs.mkdirSync(folder, { recursive: true });
  fs.writeFileSync(path.join(folder, "go.mod"), "module x\n\ngo 1.22\n\nrequire sigs.k8s.io/kwok v0.8.0\n");
  execFileSync("go", ["mod", "download", "sigs.k8s.io/kwok@v0.8.0"], { cwd: folder, stdio: "ignore" });
  return folder;
}
