/**
 * Objects of our Helm releases that a killed run left behind. Helm records a release in a Secret in its namespace; if
 * that namespace is deleted before the release is uninstalled, the release's objects outside of it remain, and nothing
 * manages them. One of them can be an APIService without a server, with which Kubernetes deletes no namespace.
 */
import type { Config } from "../../config";
import { STACK_RELEASE } from "../../catalog/names";
import { KEDA_RELEASE } from "../../modules/autoscaling/keda";
import { METRICS_SERVER } from "../../modules/autoscaling/metrics-server";
import { isOfRelease } from "../cluster/kube-object";
import type { Kube, KubeObject } from "../cluster/kubectl";

const CLUSTER_WIDE =
  "clusterroles,clusterrolebindings,validatingwebhookconfigurations,mutatingwebhookconfigurations,apiservices,priorityclasses,crds";
const IN_KUBE_SYSTEM = "services,endpoints,configmaps,roles,rolebindings,serviceaccounts,deployments,pdb";

/** Our Helm releases, each with its namespace. */
export const ourReleases = ({ namespaces, metricsServer, observability }: Config): ReadonlyMap<string, string> =>
  new Map([
    ...(observability === "install" ? [[STACK_RELEASE, namespaces.monitoring] as const] : []),
    [KEDA_RELEASE, namespaces.keda],
    ...(metricsServer.mode === "install" ? [[METRICS_SERVER.release, METRICS_SERVER.namespace] as const] : []),
  ]);

/** Objects of our Helm releases outside of our namespaces. */
async function releaseObjects(kube: Kube): Promise<readonly KubeObject[]> {
  const releases = [...ourReleases(kube.config)];
  const found = await Promise.all([kube.visible(CLUSTER_WIDE), kube.visible(IN_KUBE_SYSTEM, "-n", "kube-system")]);
  return found.flat().filter((object) => releases.some(([name, namespace]) => isOfRelease(object, name, namespace)));
}

/**
 * Whether a release exists: Helm has a record of it, or its Deployments exist. The latter covers another owner's release
 * with the same name, whose records are stored elsewhere (HELM_DRIVER, or storageNamespace of Flux). A release counts as
 * existing if this user may not look.
 */
async function exists(kube: Kube, name: string, namespace: string): Promise<boolean> {
  const records = await kube.visible("secrets", "-n", namespace, "-l", `owner=helm,name=${name}`);
  const deployments = await kube.visible("deployments", "-n", namespace);
  return (
    records.length > 0 ||
    deployments.some((deployment) => isOfRelease(deployment, name, namespace)) ||
    ["secrets", "deployments"].some((kind) => kube.forbidden.has(`${kind} in ${namespace}`))
  );
}

/** Objects of our Helm releases outside of our namespaces, if the release no longer exists. */
export async function orphans(kube: Kube): Promise<readonly KubeObject[]> {
  let objects = await releaseObjects(kube);
  for (const [name, namespace] of ourReleases(kube.config)) {
    if (objects.some((o) => isOfRelease(o, name, namespace)) && (await exists(kube, name, namespace)))
      objects = objects.filter((o) => !isOfRelease(o, name, namespace));
  }
  return objects;
}

/**
 * Deletes the APIServices among the orphans, because Kubernetes deletes no namespace while an API has no server.
 * Returns their names.
 */
export async function removeOrphanedApis(kube: Kube): Promise<readonly string[]> {
  const apis = (await orphans(kube)).filter(({ kind }) => kind === "APIService").map(({ metadata }) => metadata.name);
  if (apis.length) await kube.raw(["delete", "apiservice", ...apis, "--ignore-not-found", "--timeout=30s"]);
  return apis;
}
