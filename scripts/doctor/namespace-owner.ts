/** Determines who owns the namespaces that a deployment would use. */
import type { Config } from "../../config";
import { isOurs } from "../cluster/kube-object";
import type { Kube, KubeObject } from "../cluster/kubectl";
import { foreignNamespace } from "../deploy/preflight";
import { readRecord } from "../deploy/deployment-record";
import { ourNamespaces } from "../deploy/readiness";
import { Failure } from "../terminal/ui";

/** Labels and annotations that tools set on the namespaces that they manage, the most specific first. */
const MARKS: readonly (readonly [key: string, owner: string])[] = [
  ["argocd.argoproj.io/tracking-id", "Argo CD application"],
  ["kustomize.toolkit.fluxcd.io/name", "Flux kustomization"],
  ["meta.helm.sh/release-name", "Helm release"],
  ["openshift.io/requester", "OpenShift user"],
  ["field.cattle.io/projectId", "Rancher project"],
  ["app.kubernetes.io/managed-by", "tool"],
];

function ownerOf({ metadata: { labels, annotations } }: KubeObject): string | undefined {
  for (const [key, owner] of MARKS) {
    const value = annotations?.[key] ?? labels?.[key];
    if (value) return `${owner} ${value.split(":")[0]}`;
  }
  return undefined;
}

/** @throws Failure if a namespace has another owner, or is missing and must not be created */
export async function checkOwners(config: Config, kube: Kube): Promise<string> {
  const found: string[] = [];
  for (const name of ourNamespaces(config)) {
    const [namespace] = await kube.visible("namespace", name);
    if (kube.forbidden.has("namespace")) return `unknown: this user may not read namespaces; uses ${name}`;
    if (!namespace) {
      if (!config.namespaces.create)
        throw new Failure(
          `namespaces.create is false, but there is no namespace ${name}.`,
          "Create it, correct its name (namespaces.app, namespaces.monitoring), or set namespaces.create to true.",
        );
      found.push(`${name} will be created`);
      continue;
    }
    const ours = isOurs(namespace);
    const owner = ownerOf(namespace);
    if (config.namespaces.create && !ours) throw foreignNamespace(name, owner);
    const record = name === config.namespaces.app ? await readRecord(kube) : undefined;
    const last = record?.deployedBy ? ` (deployed by ${record.deployedBy}, ${record.deployedAt})` : "";
    found.push(ours ? `${name} is ours${last}` : `${name} is used${owner ? ` (owner: ${owner})` : ""}${last}`);
  }
  return found.join("; ");
}
