/**
 * A local kind cluster with an image registry, set up as in kind's documentation
 * (https://kind.sigs.k8s.io/docs/user/local-registry): nodes pull from the same
 * localhost address that this machine pushes to.
 */
import type { Config } from "../../config";
import { run as realRun, RunError, type Run } from "../terminal/run-program";
import { Failure } from "../terminal/ui";
import { clusterEnv } from "./kubectl";

const REGISTRY_IMAGE = "docker.io/library/registry:2.8.3";
export const KIND_URL = "https://kind.sigs.k8s.io/docs/user/quick-start/#installation";

/** The alternative if there is no cluster. */
export const WITHOUT_CLUSTER = "Without a cluster, `npm run dev` runs the application on this machine.";

export const registryName = (config: Config): string => `${config.cluster.kind.name}-registry`;
export const contextName = (config: Config): string => `kind-${config.cluster.kind.name}`;

/** Node ports to which ports of this machine are forwarded. */
export const NODE_PORTS = { page: 30080, grafana: 30030 } as const;

/** Forwards ports of this machine to the cluster; they listen on localhost only. */
const portMappings = ({ pagePort, grafanaPort }: Config["cluster"]["kind"]): object[] =>
  [
    { containerPort: NODE_PORTS.page, hostPort: pagePort },
    { containerPort: NODE_PORTS.grafana, hostPort: grafanaPort },
  ]
    .filter(({ hostPort }) => hostPort !== null)
    .map((mapping) => ({ ...mapping, listenAddress: "127.0.0.1" }));

export const kindConfig = (config: Config): string =>
  JSON.stringify({
    kind: "Cluster",
    apiVersion: "kind.x-k8s.io/v1alpha4",
    nodes: [
      { role: "control-plane", extraPortMappings: portMappings(config.cluster.kind) },
      ...Array.from({ length: config.cluster.kind.workers }, () => ({ role: "worker" })),
    ],
    containerdConfigPatches: [
      '[plugins."io.containerd.grpc.v1.cri".registry]\n  config_path = "/etc/containerd/certs.d"',
    ],
  });

/** Whether our kind cluster exists. */
export async function kindExists(config: Config, run: Run = realRun): Promise<boolean> {
  try {
    const { stdout } = await run("kind", ["get", "clusters"], { timeoutMs: 30_000 });
    return stdout.split("\n").includes(config.cluster.kind.name);
  } catch (error) {
    if (error instanceof RunError) return false;
    throw error;
  }
}

/** Creates the cluster and its registry, unless they exist. */
export async function createKind(
  config: Config,
  onProgress: (text: string) => void,
  run: Run = realRun,
): Promise<void> {
  const { name, registryPort } = config.cluster.kind;
  const registry = registryName(config);
  try {
    await run("kind", ["version"], { timeoutMs: 20_000 });
  } catch {
    throw new Failure(
      "No cluster is configured, and kind, which creates a local one, is not installed.",
      `Install kind: ${KIND_URL}. Or set cluster.context in config.yaml or KUBECONFIG. ${WITHOUT_CLUSTER}`,
    );
  }
  onProgress("starting the registry");
  const { stdout } = await run("docker", ["ps", "--all", "--filter", `name=^${registry}$`, "--format", "{{.State}}"], {
    timeoutMs: 30_000,
  });
  if (!stdout.trim()) {
    await run(
      "docker",
      [
        "run",
        "--detach",
        "--restart=always",
        "--publish",
        `127.0.0.1:${registryPort}:5000`,
        "--network",
        "bridge",
        "--name",
        registry,
        REGISTRY_IMAGE,
      ],
      { timeoutMs: 300_000 },
    );
  } else if (stdout.trim() !== "running") {
    await run("docker", ["start", registry], { timeoutMs: 30_000 });
  }
  if (!(await kindExists(config, run))) {
    onProgress("creating the cluster, which takes a minute or two");
    await run("kind", ["create", "cluster", "--name", name, "--config", "-", "--wait", "180s"], {
      timeoutMs: 900_000,
      input: kindConfig(config),
    });
  }
  onProgress("configuring the registry on the nodes");
  const nodes = (await run("kind", ["get", "nodes", "--name", name], { timeoutMs: 30_000 })).stdout
    .split("\n")
    .filter(Boolean);
  const dir = `/etc/containerd/certs.d/localhost:${registryPort}`;
  for (const node of nodes) {
    await run("docker", ["exec", node, "mkdir", "-p", dir], { timeoutMs: 30_000 });
    await run("docker", ["exec", "-i", node, "cp", "/dev/stdin", `${dir}/hosts.toml`], {
      timeoutMs: 30_000,
      input: `[host."http://${registry}:5000"]\n`,
    });
  }
  const networks = await run("docker", ["inspect", "--format", "{{json .NetworkSettings.Networks.kind}}", registry], {
    timeoutMs: 30_000,
  });
  if (networks.stdout.trim() === "null")
    await run("docker", ["network", "connect", "kind", registry], { timeoutMs: 30_000 });
  const documentation = JSON.stringify({
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { name: "local-registry-hosting", namespace: "kube-public" },
    data: {
      "localRegistryHosting.v1": `host: "localhost:${registryPort}"\nhelp: "https://kind.sigs.k8s.io/docs/user/local-registry/"\n`,
    },
  });
  await run("kubectl", ["--context", contextName(config), "apply", "-f", "-"], {
    timeoutMs: 30_000,
    input: documentation,
    env: clusterEnv(config),
  });
}

export async function deleteKind(config: Config, run: Run = realRun): Promise<void> {
  await run("kind", ["delete", "cluster", "--name", config.cluster.kind.name], { timeoutMs: 300_000 });
  await run("docker", ["rm", "--force", "--volumes", registryName(config)], { timeoutMs: 60_000 });
}
