/** Extracts the views from Kubernetes objects. */
import type { AutoscalerView, PodView, Utilization, WorkloadView } from "../views";

interface Metadata {
  readonly name?: string;
  readonly uid?: string;
  readonly resourceVersion?: string;
  readonly deletionTimestamp?: string;
}
interface Condition {
  readonly type: string;
  readonly status: string;
}
/** A metric of an autoscaling/v2 HorizontalPodAutoscaler, in its spec (`target`) or in its status (`current`). */
interface Metric {
  readonly type: string;
  readonly resource?: Source;
  readonly containerResource?: Source & { readonly container?: string };
}
interface Source {
  readonly name: string;
  readonly target?: { readonly averageUtilization?: number };
  readonly current?: { readonly averageUtilization?: number };
}

const hasCondition = (conditions: readonly Condition[] | undefined, type: string): boolean =>
  conditions?.some((condition) => condition.type === type && condition.status === "True") ?? false;

export function podView(raw: unknown): PodView {
  const { metadata = {}, status } = raw as {
    metadata?: Metadata;
    status?: { phase?: string; podIP?: string; conditions?: Condition[] };
  };
  const phase = status?.phase;
  return {
    uid: metadata.uid ?? metadata.name ?? "",
    name: metadata.name ?? "",
    ip: status?.podIP,
    ready: phase === "Running" && hasCondition(status?.conditions, "Ready"),
    gone: metadata.deletionTimestamp !== undefined || phase === "Failed" || phase === "Succeeded",
  };
}

/** The view of a Deployment or its Scale; both have the count in the same field. */
export function workloadView(raw: unknown): WorkloadView {
  const { metadata = {}, spec } = raw as { metadata?: Metadata; spec?: { replicas?: number } };
  // a Scale omits a count of 0; a Deployment always has a count, because the API server sets the default
  return {
    name: metadata.name ?? "",
    replicas: spec?.replicas ?? 0,
    resourceVersion: metadata.resourceVersion ?? "",
  };
}

const sourceOf = (metric: Metric) => metric.containerResource ?? metric.resource;

/** Key of a metric, the same in the spec and in the status. */
const keyOf = (metric: Metric): string =>
  [metric.type, sourceOf(metric)?.name, metric.containerResource?.container].join("/");

export function autoscalerView(raw: unknown): AutoscalerView {
  const { metadata, spec, status } = raw as {
    metadata?: Metadata;
    spec?: { minReplicas?: number; maxReplicas?: number; metrics?: Metric[] };
    status?: { currentReplicas?: number; conditions?: Condition[]; currentMetrics?: (Metric | null)[] | null };
  };
  const current = new Map(
    status?.currentMetrics?.flatMap((metric) =>
      metric ? [[keyOf(metric), sourceOf(metric)?.current?.averageUtilization] as const] : [],
    ),
  );
  return {
    name: metadata?.name ?? "",
    min: spec?.minReplicas ?? 1,
    max: spec?.maxReplicas ?? 1,
    active: hasCondition(status?.conditions, "ScalingActive"),
    replicas: status?.currentReplicas ?? 0,
    utilizations: (spec?.metrics ?? []).map((metric): Utilization | undefined => {
      const target = sourceOf(metric)?.target?.averageUtilization;
      return target === undefined ? undefined : { target, current: current.get(keyOf(metric)) };
    }),
  };
}
