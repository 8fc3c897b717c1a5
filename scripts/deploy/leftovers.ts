/**
 * Leftovers of Terraform's destroy: CRDs that Helm never deletes (helm-charts#1523), the Service that the Prometheus
 * operator creates for the kubelets (helm-charts#4143), and any other object of this project. Objects that existed
 * before `up`, or that other systems use, are not touched.
 */
import { METRICS_SERVER } from "../../modules/autoscaling/metrics-server";
import { BACKUPS_CLAIM, PART_OF, SCALER_LEASE, SCALER_VIEW, STACK_RELEASE } from "../../catalog/names";
import { WORKLOAD_NAME } from "../../catalog/workloads";
import type { Config } from "../../config";
import { isOurs, PART_LABEL } from "../cluster/kube-object";
import type { Kube, KubeObject } from "../cluster/kubectl";
import { DEPLOYMENT_RECORD } from "./deployment-record";
import { orphans, ourReleases } from "./orphans";
import { ourNamespaces } from "./readiness";
import type { Terraform } from "../terraform/terraform";

const CRD_GROUP = "monitoring.coreos.com";
const OUR_LABEL = `${PART_LABEL}=${PART_OF}`;
/** Helm creates the CRDs a few seconds before it records the release. */
const CRD_MARGIN_MS = 120_000;

const stackCrds = async (kube: Kube, ...selector: string[]): Promise<KubeObject[]> =>
  (await kube.visible("crd", ...selector)).filter((c) => c.metadata.name.endsWith(`.${CRD_GROUP}`));

/**
 * Labels the CRDs of our release, so that a later `down` recognises them. These are the CRDs created since the release
 * was first deployed; older CRDs belong to another deployment.
 */
export async function markOurCrds(kube: Kube, observability: Terraform): Promise<number> {
  const releases = (await observability.stateOf("helm_release")) as {
    name: string;
    metadata?: { first_deployed?: number };
  }[];
  const first = releases.find((r) => r.name === STACK_RELEASE)?.metadata?.first_deployed;
  if (!first) return 0;
  const since = first * 1000 - CRD_MARGIN_MS;
  const ours = (await stackCrds(kube)).filter((c) => Date.parse(c.metadata.creationTimestamp!) >= since);
  const unmarked = ours.filter((c) => !isOurs(c));
  if (unmarked.length) await kube.raw(["label", "crd", ...unmarked.map((c) => c.metadata.name), OUR_LABEL]);
  return ours.length;
}

export interface Removal {
  readonly removed: readonly string[];
  /** Objects kept on purpose, with the reason. */
  readonly kept: readonly string[];
}

/** Removes leftovers that are ours and that nothing else uses. */
export async function removeLeftovers(kube: Kube): Promise<Removal> {
  const removed: string[] = [];
  const kept: string[] = [];
  const remove = async (kind: string, name: string, namespace?: string) => {
    await kube.raw(
      ["delete", kind, name, ...(namespace ? ["-n", namespace] : []), "--ignore-not-found", "--timeout=60s"],
      {
        timeoutMs: 90_000,
      },
    );
    removed.push(`${kind} ${name}`);
  };

  const { config } = kube;
  if (!config.namespaces.create) {
    // a StatefulSet never deletes its claims; if the namespace is kept, the claims and their data would remain too
    for (const pvc of await kube.list("pvc", "-n", config.namespaces.app, "-l", OUR_LABEL)) {
      await remove("pvc", pvc.metadata.name, config.namespaces.app);
    }
    if (await kube.get("configmap", DEPLOYMENT_RECORD, config.namespaces.app))
      await remove("configmap", DEPLOYMENT_RECORD, config.namespaces.app);
    // the fast scaler creates it itself
    const [lease] = await kube.visible("lease", SCALER_LEASE, "-n", config.namespaces.app);
    if (lease?.metadata.annotations?.[SCALER_VIEW] !== undefined)
      await remove("lease", SCALER_LEASE, config.namespaces.app);
  }
  for (const { kind, metadata } of await orphans(kube)) {
    // CRDs may be used by objects that are not ours
    if (kind === "CustomResourceDefinition" && (await kube.visible(metadata.name, "-A")).length)
      kept.push(`crd ${metadata.name}: used by objects that are not ours`);
    else await remove(kind.toLowerCase(), metadata.name, metadata.namespace);
  }
  // a running operator belongs to another deployment and uses the CRDs and the kubelet Service
  const operatorRuns =
    (await kube.visible("deployments", "-A", "-l", `app.kubernetes.io/name=${STACK_RELEASE}-prometheus-operator`))
      .length > 0;
  if (config.observability !== "install" || operatorRuns) return { removed, kept };

  const kubelet = `${STACK_RELEASE}-kubelet`;
  // in both namespaces, because monitoring.kubeSystem may have changed
  for (const place of ["kube-system", config.namespaces.monitoring]) {
    for (const kind of ["service", "endpoints"]) {
      if (await kube.get(kind, kubelet, place)) await remove(kind, kubelet, place);
    }
    const label = `kubernetes.io/service-name=${kubelet}`;
    for (const slice of await kube.visible("endpointslices", "-n", place, "-l", label)) {
      await remove("endpointslice", slice.metadata.name, place);
    }
  }
  const all = await stackCrds(kube);
  const others = all.filter((c) => !isOurs(c));
  if (others.length) {
    // after a plain `cdktf destroy`, their ownership can no longer be determined, so they are reported, not deleted
    kept.push(
      `${others.length} CRDs of ${CRD_GROUP}: they may belong to another deployment. If no other Prometheus operator needs them: kubectl delete crd ${others.map((c) => c.metadata.name).join(" ")}`,
    );
  }
  const ours = all.filter(isOurs);
  const names = ours.map((crd) => crd.metadata.name);
  // usually nothing uses any of them; one command for all is much faster than one for each
  if (ours.length && !(await kube.visible(names.join(","), "-A")).length) {
    await kube.raw(["delete", "crd", ...names, "--ignore-not-found", "--timeout=60s"], { timeoutMs: 90_000 });
    removed.push(...names.map((name) => `crd ${name}`));
    return { removed, kept };
  }
  for (const crd of ours) {
    const users = await kube.visible(crd.metadata.name, "-A");
    if (users.length) {
      const first = users[0]!.metadata;
      kept.push(
        `crd ${crd.metadata.name}: used by ${users.length} objects that are not ours (such as ${first.namespace}/${first.name})`,
      );
    } else {
      await remove("crd", crd.metadata.name);
    }
  }
  return { removed, kept };
}

/** A namespace that existed before can contain claims of others, so there the claim's name decides. */
function isOurVolume(config: Config, { spec }: KubeObject): boolean {
  const { namespace = "", name = "" } = spec?.claimRef ?? {};
  if (!ourNamespaces(config).includes(namespace)) return false;
  if (config.namespaces.create) return true;
  const isRedis = name === BACKUPS_CLAIM || name.startsWith(`data-${WORKLOAD_NAME["redis-main"]}-`);
  return namespace === config.namespaces.app ? isRedis : name.includes(STACK_RELEASE);
}

/** Lists every object of this project that is still in the cluster. */
export async function findLeftovers(kube: Kube): Promise<string[]> {
  const { namespaces, observability } = kube.config;
  const hasStack = observability === "install";
  const names = ourNamespaces(kube.config);
  const kinds = "all,configmaps,secrets,pvc,pdb,networkpolicies,hpa,ingresses";
  const kubelet = async () =>
    (await kube.visible("services,endpoints", "-n", "kube-system")).filter(
      (o) => o.metadata.name === `${STACK_RELEASE}-kubelet`,
    );
  const releases = [...ourReleases(kube.config)].filter(
    ([, namespace]) => namespace === METRICS_SERVER.namespace || names.includes(namespace),
  );
  const unusedCrds = async () => {
    const crds = await stackCrds(kube, "-l", OUR_LABEL);
    const users = await Promise.all(crds.map((crd) => kube.visible(crd.metadata.name, "-A")));
    return crds.filter((_, i) => !users[i]!.length);
  };
  // at the same time, because each takes half a second
  const found = await Promise.all([
    ...names.map((name) =>
      namespaces.create ? kube.visible("namespace", name) : kube.list(kinds, "-n", name, "-l", OUR_LABEL),
    ),
    kube.visible("pv").then((volumes) => volumes.filter((pv) => isOurVolume(kube.config, pv))),
    orphans(kube),
    ...(hasStack ? [kubelet()] : []),
    ...releases.map(([release, namespace]) =>
      kube.visible("secrets", "-n", namespace, "-l", `owner=helm,name=${release}`),
    ),
    ...(hasStack ? [unusedCrds()] : []),
  ]);
  return found
    .flat()
    .map((o) => `${o.kind} ${o.metadata.namespace ? `${o.metadata.namespace}/` : ""}${o.metadata.name}`);
}
