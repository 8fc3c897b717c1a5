/** Checks that the cluster's own Prometheus may read our pods' metrics. */
import type { Config } from "../../config";
import type { Kube } from "../cluster/kubectl";
import { Failure } from "../terminal/ui";

const PODS = "app.kubernetes.io/name=prometheus";

/** @throws Failure if no Prometheus runs in the only namespace that our NetworkPolicies admit */
export async function checkExistingPrometheus(config: Config, kube: Kube): Promise<string> {
  const { monitoring } = config.namespaces;
  if (!config.networkPolicies) return "not checked: there are no NetworkPolicies";
  const pods = await kube.visible("pods", "-n", monitoring, "-l", PODS);
  if (kube.forbidden.has(`pods in ${monitoring}`)) return `unknown: this user may not list pods in ${monitoring}`;
  if (pods.length) return `in namespace ${monitoring}`;
  throw new Failure(
    `No Prometheus runs in namespace ${monitoring} (pods with the label ${PODS}), and our NetworkPolicies admit only that one.`,
    "Set namespaces.monitoring to the namespace of the cluster's Prometheus (IAC_NAMESPACES_MONITORING), or networkPolicies: false.",
  );
}
