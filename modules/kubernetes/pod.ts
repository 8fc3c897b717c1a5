/**
 * Settings that all our pods share: a restricted security context, spread over nodes and zones, no ServiceAccount
 * token. Returns plain Kubernetes objects, with types from kubernetes-types.
 */
import type { Container, PodSpec, SecurityContext, TopologySpreadConstraint } from "kubernetes-types/core/v1";
import type { Config, ResourcesConfig } from "../../config";
import { selectorLabels } from "../../catalog/names";
import type { ComponentOrJob } from "../../catalog/workloads";

/** Satisfies Pod Security `restricted`. */
export const containerSecurity = (readOnlyRootFilesystem = true): SecurityContext => ({
  allowPrivilegeEscalation: false,
  readOnlyRootFilesystem,
  runAsNonRoot: true,
  capabilities: { drop: ["ALL"] },
});

export const resourcesOf = (r: ResourcesConfig): NonNullable<Container["resources"]> => ({
  requests: { cpu: r.cpu, memory: r.memory },
  limits: { memory: r.memoryLimit, ...(r.cpuLimit ? { cpu: r.cpuLimit } : {}) },
});

/** A soft constraint, so that a single-node cluster or a full zone does not keep a pod pending. */
const spread = (component: ComponentOrJob): TopologySpreadConstraint[] =>
  ["topology.kubernetes.io/zone", "kubernetes.io/hostname"].map((topologyKey) => ({
    topologyKey,
    maxSkew: 1,
    whenUnsatisfiable: "ScheduleAnyway",
    labelSelector: { matchLabels: selectorLabels(component) },
  }));

export interface PodProps {
  /** Workload or job that the pod belongs to. */
  readonly component: ComponentOrJob;
  /** The containers, in the pod's order. */
  readonly containers: Container[];
  /**
   * Volumes that the containers mount.
   * @default none
   */
  readonly volumes?: PodSpec["volumes"];
  /**
   * ServiceAccount, if the pod calls the Kubernetes API.
   * @default the namespace's default account, without a mounted token
   */
  readonly serviceAccountName?: string;
  /** Numeric user and group of the containers. */
  readonly runAsUser: number;
  /** Longest graceful shutdown, in seconds. */
  readonly terminationGracePeriodSeconds: number;
  /** The part of the configuration that names pull Secrets. */
  readonly config: Pick<Config, "images">;
}

/**
 * Spec of a pod.
 * @throws if `runAsUser` is root
 */
export function podSpec(p: PodProps): PodSpec {
  if (p.runAsUser < 1) throw new Error(`${p.component}: runAsUser is ${p.runAsUser}, but must be above 0 (never root)`);
  const secrets = p.config.images.pullSecrets;
  return {
    automountServiceAccountToken: false,
    // always set: if the field were removed later, the deprecated `serviceAccount` field, which has no field manager,
    // would keep its value, and the pods would refer to a deleted account
    serviceAccountName: p.serviceAccountName ?? "default",
    // environment variables for Services multiply as the namespace grows, and are a second, outdated source of
    // addresses
    enableServiceLinks: false,
    terminationGracePeriodSeconds: p.terminationGracePeriodSeconds,
    securityContext: {
      runAsNonRoot: true,
      runAsUser: p.runAsUser,
      runAsGroup: p.runAsUser,
      fsGroup: p.runAsUser,
      fsGroupChangePolicy: "OnRootMismatch",
      seccompProfile: { type: "RuntimeDefault" },
    },
    topologySpreadConstraints: spread(p.component),
    ...(secrets.length ? { imagePullSecrets: secrets.map((name) => ({ name })) } : {}),
    containers: p.containers,
    ...(p.volumes ? { volumes: p.volumes } : {}),
  };
}

/** Toleration that keeps a pod on a failed node for only the given number of seconds. */
const evictAfter = (key: string, tolerationSeconds: number) => ({
  key,
  operator: "Exists" as const,
  effect: "NoExecute" as const,
  tolerationSeconds,
});

/**
 * Tolerations that let pods be recreated elsewhere within seconds of a node failure, instead of after 5 minutes.
 * Kubernetes takes 50 s to detect an unreachable node, which is patience enough with a short network interruption. A
 * kubelet itself reports "not ready", without that delay and often only while it restarts, so pods stay a little longer
 * in that case.
 */
export const FAST_EVICTION = [
  evictAfter("node.kubernetes.io/unreachable", 0),
  evictAfter("node.kubernetes.io/not-ready", 10),
];

/**
 * For charts whose pods are probed every 10 s, after a delay: a pod that replaces one on a lost node becomes Ready up to
 * 15 s sooner. Probes may fail for 30 s, as with the charts' own values.
 */
export const FAST_READINESS = { initialDelaySeconds: 0, periodSeconds: 2, failureThreshold: 15 };
