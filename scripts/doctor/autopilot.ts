/** What GKE Autopilot forbids: Services in kube-system, and pods that mount host folders. */
import type { Config } from "../../config";
import type { Kube } from "../cluster/kubectl";
import { Failure } from "../terminal/ui";

/** Prefix of Autopilot node names; in GKE Standard, it is `gke-`. */
const NODE = /^gk3-/;

/**
 * Whether the cluster is GKE Autopilot. A cluster without nodes is recognized by an API that some other GKE clusters
 * have too.
 */
export async function isAutopilot(kube: Kube): Promise<boolean> {
  const nodes = await kube.visible("nodes");
  return nodes.length ? nodes.some((node) => NODE.test(node.metadata.name)) : kube.serves("auto.gke.io/v1");
}

/** @throws Failure with the keys to set */
export function checkAutopilot(config: Config): string {
  const { monitoring, metricsServer, scaling, keda } = config;
  const installed = config.observability === "install";
  const keys = [
    ...(installed && monitoring.kubeSystem ? ["monitoring.kubeSystem: false"] : []),
    ...(installed && monitoring.nodeExporter ? ["monitoring.nodeExporter: false"] : []),
    ...(metricsServer.mode === "install" ? ["metricsServer.mode: existing"] : []),
  ];
  if (keys.length) {
    throw new Failure(
      "GKE Autopilot forbids changes in kube-system and pods that mount host folders.",
      `Set ${keys.join(", ")}. The profile gke-autopilot sets all of them.`,
    );
  }
  if (scaling.engine === "keda" && keda.mode === "install") {
    throw new Failure(
      "GKE Autopilot forbids changes in kube-system, where KEDA's chart creates a RoleBinding.",
      "Set scaling.engine: hpa, or keda.mode: existing.",
    );
  }
  return "nothing that it forbids is used";
}
