/** Checks that run before anything is changed. Each throws a Failure that names the next step. */
import type { Config } from "../../config";
import { EXTERNAL_METRICS_API, KEDA_RELEASE } from "../../modules/autoscaling/keda";
import { METRICS_SERVER } from "../../modules/autoscaling/metrics-server";
import { MINIMUM_TERRAFORM } from "../../catalog/versions";
import { imageKeys, type ResolvedImages } from "../../modules/images/resolve";
import { isOfRelease, isOurs } from "../cluster/kube-object";
import type { Kube, KubeObject } from "../cluster/kubectl";
import { loginProblem } from "../cluster/login";
import { whyUnusable } from "../cluster/usable-node";
import { ourNamespaces } from "./readiness";
import { terminatingOf } from "./terminating";
import { run as realRun, RunError, type Run } from "../terminal/run-program";
import { Failure } from "../terminal/ui";

const INSTALL = {
  terraform: "https://developer.hashicorp.com/terraform/install",
  tofu: "https://opentofu.org/docs/intro/install",
  kubectl: "https://kubernetes.io/docs/tasks/tools",
  docker: "https://docs.docker.com/engine/install",
} as const;

/** Returns -1, 0 or 1; compares the three version numbers and ignores any suffix. */
export function compareVersions(a: string, b: string): number {
  const parts = (v: string) => (/\d+\.\d+\.\d+/.exec(v)?.[0] ?? "0.0.0").split(".").map(Number);
  const [x, y] = [parts(a), parts(b)];
  for (let i = 0; i < 3; i++) if (x[i] !== y[i]) return x[i]! < y[i]! ? -1 : 1;
  return 0;
}

/** Version of Terraform or OpenTofu. @throws Failure if it is missing or too old */
export async function checkTerraform(config: Config, run: Run = realRun): Promise<string> {
  const program = config.terraform;
  let version: string;
  try {
    const { stdout } = await run(program, ["version", "-json"], { timeoutMs: 20_000 });
    version = (JSON.parse(stdout) as { terraform_version: string }).terraform_version;
  } catch (error) {
    if (!(error instanceof RunError)) throw error;
    throw new Failure(
      `${program} is not installed or cannot be run: ${error.message}`,
      `Install ${MINIMUM_TERRAFORM} or later: ${INSTALL[program]}`,
    );
  }
  if (compareVersions(version, MINIMUM_TERRAFORM) < 0) {
    throw new Failure(
      `${program} ${version} is too old: write-only attributes, which keep passwords out of the state, need ${MINIMUM_TERRAFORM}.`,
      `Install ${MINIMUM_TERRAFORM} or later: ${INSTALL[program]}`,
    );
  }
  return version;
}

export async function checkKubectl(run: Run = realRun): Promise<string> {
  try {
    // gcloud's kubectl queries the cluster's version first, and therefore logs in
    const { stdout } = await run("kubectl", ["version", "--client", "-o", "json"], {
      timeoutMs: 20_000,
      graceMs: 1000,
    });
    return (JSON.parse(stdout) as { clientVersion: { gitVersion: string } }).clientVersion.gitVersion;
  } catch (error) {
    if (!(error instanceof RunError)) throw error;
    const login = loginProblem(error, "kubectl version");
    if (login) throw new Failure(`kubectl does not answer: ${login.reason}`, login.next);
    throw new Failure("kubectl is not installed or cannot be run.", `Install it: ${INSTALL.kubectl}`);
  }
}

/** Flags that select the same Docker engine as Terraform's provider. */
export function engineFlags({ images, dockerCertificates: folder }: Config): readonly string[] {
  const host = images.dockerHost ? ["--host", images.dockerHost] : [];
  if (!folder) return host;
  const files = [`--tlscacert=${folder}/ca.pem`, `--tlscert=${folder}/cert.pem`, `--tlskey=${folder}/key.pem`];
  return [...host, "--tlsverify", ...files];
}

/** Version of the Docker engine. */
export async function checkDocker(config: Config, run: Run = realRun): Promise<string> {
  try {
    const { stdout } = await run("docker", [...engineFlags(config), "version", "--format", "{{.Server.Version}}"], {
      timeoutMs: 20_000,
    });
    return stdout.trim();
  } catch (error) {
    if (!(error instanceof RunError)) throw error;
    const missing = error.code === undefined && !error.output;
    throw new Failure(
      missing
        ? "Docker is not installed, but an image must be built."
        : `The Docker engine${config.images.dockerHost ? ` at ${config.images.dockerHost}` : ""} is not responding, but an image must be built.`,
      missing
        ? `Install it: ${INSTALL.docker}. Or use prebuilt images: set ${imageKeys(config)}.`
        : `Start it (Docker Desktop, or: sudo systemctl start docker). Or use prebuilt images: set ${imageKeys(config)}.`,
    );
  }
}

/** Images that are missing from the registry, so Docker must build them. */
export const toBuild = (images: ResolvedImages): string[] =>
  Object.entries(images)
    .filter(([, image]) => image.kind === "built" && image.inRegistry.state === "absent")
    .map(([name]) => name);

/**
 * Checks that no second KEDA or external metrics API would be installed, because a cluster can have only one of each.
 */
export async function checkKeda(config: Config, kube: Kube): Promise<void> {
  if (config.scaling.engine !== "keda") return;
  const [api, crd] = await Promise.all([
    kube.visible("apiservice", EXTERNAL_METRICS_API).then(([o]) => o),
    kube.visible("crd", "scaledobjects.keda.sh").then(([o]) => o),
  ]);
  const isOfOurRelease = (o: KubeObject | undefined) => isOfRelease(o, KEDA_RELEASE, config.namespaces.keda);
  if (config.keda.mode === "install") {
    if (crd && !isOfOurRelease(crd)) {
      throw new Failure(
        "The cluster already has a KEDA that is not ours.",
        `Use it: set keda.mode to existing (IAC_KEDA_MODE=existing) and namespaces.keda to its namespace.`,
      );
    }
    if (api && !isOfOurRelease(api)) {
      const { service } = api.spec as { service?: { namespace: string; name: string } };
      throw new Failure(
        `Another server (${service?.namespace}/${service?.name}) provides the cluster's external metrics; a cluster can have only one such server, and engine keda needs its own.`,
        "To keep that server, scale on CPU: set scaling.engine to hpa (IAC_SCALING_ENGINE=hpa).",
      );
    }
  } else {
    // a user who may read neither can still check whether the API is served
    const missing = !(crd ?? (await kube.serves("keda.sh/v1alpha1")))
      ? "scaledobjects.keda.sh"
      : !(api ?? (await kube.serves("external.metrics.k8s.io/v1beta1")))
        ? EXTERNAL_METRICS_API
        : undefined;
    if (missing)
      throw new Failure(
        `keda.mode is existing, but the cluster has no KEDA (${missing} is missing).`,
        "Set keda.mode to install, or install KEDA.",
      );
  }
}

const TLS_KEYS = ["ca.crt", "tls.crt", "tls.key"] as const;

/** Checks the Secret of `redis.tls.secret`. If the namespace does not exist yet, the Secret may be created later. */
export async function checkTlsSecret(config: Config, kube: Kube): Promise<string | undefined> {
  const name = config.redis.tls.secret;
  if (name === null) return undefined;
  const { app, create } = config.namespaces;
  const secret = await kube.get("secret", name, app);
  const missing = TLS_KEYS.filter((key) => !secret?.data?.[key]);
  if (secret && !missing.length) return `Secret ${name}`;
  const how = "Create it as described in docs/security.md#encryption-of-redis";
  if (secret) throw new Failure(`Secret ${name} in namespace ${app} has no ${missing.join(", ")}.`, how);
  if (!create || (await kube.visible("namespace", app)).length)
    throw new Failure(`redis.tls.secret is ${name}, but there is no such Secret in namespace ${app}.`, how);
  return `Secret ${name} does not exist yet in namespace ${app}; Redis will wait for it`;
}

/**
 * Checks that built images match the architecture of the nodes that can run our pods; otherwise, pods would fail with
 * "exec format error".
 */
export async function checkPlatform(config: Config, kube: Kube, run: Run = realRun): Promise<string> {
  const nodes = await kube.visible("nodes");
  if (!nodes.length) return "unknown: this user may not list nodes";
  const format = ["version", "--format", "{{.Server.Os}}/{{.Server.Arch}}"];
  const platform =
    config.images.platform ??
    (await run("docker", [...engineFlags(config), ...format], { timeoutMs: 20_000 })).stdout.trim();
  const architecture = platform.split("/")[1];
  const kindOf = (node: KubeObject) => (node.status?.nodeInfo as { architecture?: string } | undefined)?.architecture;
  const others = nodes.filter((node) => kindOf(node) !== architecture && whyUnusable(node) === undefined);
  if (!others.length) return `images and nodes that can run our pods are ${platform}`;
  const names = others.map((node) => `${node.metadata.name} (${kindOf(node)})`).join(", ");
  throw new Failure(
    `Images are built for ${platform}, but these nodes have another architecture: ${names}.`,
    `Set images.platform to linux/${kindOf(others[0]!)} (Docker Desktop can build for it; elsewhere Docker needs QEMU). Or use multi-platform images: set ${imageKeys(config)}.`,
  );
}

/**
 * Checks that a deployment would not take over an existing namespace that is not ours, or use one that is being
 * deleted.
 */
export async function checkNamespaces(config: Config, kube: Kube): Promise<void> {
  for (const { name, reason, next } of await terminatingOf(kube, ourNamespaces(config))) {
    throw new Failure(
      `Kubernetes is still deleting the namespace ${name}${reason ? `: ${reason}` : "."}`,
      next ?? "Wait until it is deleted, then run this command again.",
    );
  }
  if (!config.namespaces.create) return;
  for (const name of ourNamespaces(config)) {
    const [namespace] = await kube.visible("namespace", name);
    if (!namespace || isOurs(namespace)) continue;
    throw foreignNamespace(name);
  }
}

/** The error for a namespace that already exists and is not ours. */
export const foreignNamespace = (name: string, owner?: string): Failure =>
  new Failure(
    `The namespace ${name} already exists and is not ours${owner ? `: it belongs to ${owner}` : ""}.`,
    "To deploy into it, set namespaces.create to false (npm run down then keeps it). Or choose other names: namespaces.app, namespaces.monitoring.",
  );

/** Checks that no metrics-server other than ours would be replaced; a cluster can have only one. */
export async function checkMetricsServer(config: Config, kube: Kube): Promise<void> {
  const [service] = await kube.visible("apiservice", "v1beta1.metrics.k8s.io");
  const isOurService = isOfRelease(service, METRICS_SERVER.release, METRICS_SERVER.namespace);
  if (config.metricsServer.mode === "install" && service && !isOurService) {
    throw new Failure(
      "The cluster already has a metrics-server that is not ours.",
      "Use it: set metricsServer.mode to existing (IAC_METRICS_SERVER_MODE=existing).",
    );
  }
  if (config.metricsServer.mode === "existing" && !service && !(await kube.serves("metrics.k8s.io/v1beta1"))) {
    throw new Failure(
      "metricsServer.mode is existing, but the cluster has no metrics API (v1beta1.metrics.k8s.io).",
      "Set metricsServer.mode to install, or install a metrics-server.",
    );
  }
}
