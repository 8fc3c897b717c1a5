/** Detects existing monitoring in the cluster with which ours would conflict. */
import type { Config } from "../../config";
import { STACK_RELEASE } from "../../catalog/names";
import { isOfRelease } from "../cluster/kube-object";
import type { Kube, KubeObject } from "../cluster/kubectl";
import { Failure } from "../terminal/ui";

interface Container {
  readonly image: string;
  readonly args?: readonly string[];
  readonly ports?: readonly { readonly hostPort?: number; readonly containerPort?: number }[];
}

/** Port of node-exporter on each node. */
const EXPORTER_PORT = 9100;

const podOf = (o: KubeObject) =>
  (o.spec?.template?.spec ?? {}) as { readonly hostNetwork?: boolean; readonly containers?: readonly Container[] };
const named = ({ metadata: { namespace, name } }: KubeObject): string => `${namespace}/${name}`;

const isOfOurRelease = ({ namespaces }: Config, object: KubeObject): boolean =>
  isOfRelease(object, STACK_RELEASE, namespaces.monitoring);

/** Whether an operator manages Prometheus objects in a namespace; by default, it manages those in all namespaces. */
function manages({ args = [] }: Container, namespace: string): boolean {
  const listed = (flag: string): readonly string[] | undefined =>
    args
      .find((arg) => arg.startsWith(`--${flag}=`))
      ?.split("=")[1]
      ?.split(",")
      .filter(Boolean);
  const allowed = listed("prometheus-instance-namespaces") ?? listed("namespaces");
  return allowed?.length ? allowed.includes(namespace) : !listed("deny-namespaces")?.includes(namespace);
}

/** Third-party operators that would also manage our Prometheus. */
export async function foreignOperators(config: Config, kube: Kube): Promise<readonly string[]> {
  return (await kube.visible("deployments", "-A"))
    .filter((o) => !isOfOurRelease(config, o))
    .filter((o) =>
      podOf(o).containers?.some(
        (c) => /\/prometheus-operator[:@]/.test(c.image) && manages(c, config.namespaces.monitoring),
      ),
    )
    .map(named);
}

/** Other workloads that use node-exporter's port on the nodes. */
async function foreignExporters(config: Config, kube: Kube): Promise<readonly string[]> {
  const uses = (o: KubeObject) =>
    podOf(o).containers?.some((c) =>
      c.ports?.some((p) => (p.hostPort ?? (podOf(o).hostNetwork ? p.containerPort : undefined)) === EXPORTER_PORT),
    );
  return (await kube.visible("daemonsets", "-A")).filter((o) => !isOfOurRelease(config, o) && uses(o)).map(named);
}

/**
 * Checks that monitoring is not installed twice.
 * @throws Failure that names the keys to set
 */
export async function checkMonitoring(config: Config, kube: Kube): Promise<string> {
  if (config.observability !== "install") return `observability: ${config.observability}`;
  const operators = await foreignOperators(config, kube);
  if (kube.forbidden.has("deployments")) return "unknown: this user may not list Deployments";
  if (operators.length) {
    throw new Failure(
      `The cluster has a Prometheus operator that would also manage our Prometheus: ${operators.join(", ")}. Two operators delete each other's StatefulSets.`,
      `Use its Prometheus: set observability to existing (IAC_OBSERVABILITY=existing). Or keep it away from ours: its flag --deny-namespaces=${config.namespaces.monitoring}.`,
    );
  }
  const exporters = config.monitoring.nodeExporter ? await foreignExporters(config, kube) : [];
  if (exporters.length) {
    throw new Failure(
      `${exporters.join(", ")} uses port ${EXPORTER_PORT} of the nodes, so our node-exporter would not be scheduled.`,
      "Set monitoring.nodeExporter to false (IAC_MONITORING_NODE_EXPORTER=false), or observability to existing.",
    );
  }
  if (kube.forbidden.has("daemonsets")) return "no other operator; this user may not list DaemonSets";
  return "no other operator or node-exporter";
}

/**
 * Runs {@link checkMonitoring}, unless our monitoring is already deployed: an `up` that changes something else must
 * still work.
 */
export async function checkNewMonitoring(config: Config, kube: Kube): Promise<void> {
  if (config.observability !== "install") return;
  const deployed = await kube.visible("deployments", "-n", config.namespaces.monitoring);
  if (!deployed.some((o) => isOfOurRelease(config, o))) await checkMonitoring(config, kube);
}
