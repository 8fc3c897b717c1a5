import { createHash } from "node:crypto";
import * as fs from "node:fs";
import * as path from "node:path";
import { Construct, type IConstruct } from "constructs";
import { HorizontalPodAutoscalerV2 } from "@cdktf/provider-kubernetes/lib/horizontal-pod-autoscaler-v2";
import { Release } from "@cdktf/provider-helm/lib/release";
import { chartDir, LOCAL_RELEASE, localChart } from "../kubernetes/local-chart";
import type { Config, ScalingConfig } from "../../config";
import { resourcesIn } from "../terraform/resources-in";
import { escapeTemplate } from "../terraform/escape";
import { labels } from "../../catalog/names";
import { WORKLOAD_NAME, workloadOf, type Component, type WorkloadDescriptor } from "../../catalog/workloads";
import { scalingOf } from "../kubernetes/sizing";
import type { Signal } from "./signals";

/** metrics-server's resolution as we install it, seconds. */
export const METRIC_RESOLUTION_SECONDS = 10;
/** Period of the Kubernetes autoscaler, seconds: `--horizontal-pod-autoscaler-sync-period`. */
const SYNC_SECONDS = 15;

/**
 * Pods that may come in one period however few there are. CPU is hot for a moment when a load begins, and its figures
 * are old when they come: by CPU alone a second look is better than a large step.
 */
const SCALE_UP_PODS: Readonly<Record<Resolved["engine"], number>> = { hpa: 2, keda: 4 };

/**
 * Beside other signals CPU counts from so much above its target. At the same point the higher of two figures that
 * both waver would decide, and a pod that compiles its code as it warms up looks busier than it is.
 */
const CPU_FACTOR_WITH_SIGNALS = 1.5;

/** Helm release of a workload's ScaledObject. */
export const scaledObjectRelease = (workload: string): string => `autoscaler-${workload}`;

export interface AutoscalerProps {
  /** Workload to scale; its descriptor names the measured container and the bounds. */
  readonly component: Component;
  /** Namespace that the objects are created in. */
  readonly namespace: string;
  /** The whole configuration. */
  readonly config: Config;
  /**
   * Signals that engine `keda` uses besides CPU.
   * @default none
   */
  readonly signals?: readonly Signal[];
  /** Constructs that must exist first: the workload, and KEDA if this layer installs it. */
  readonly after: readonly IConstruct[];
}

/** The props with what follows from the descriptor and the configuration. */
interface Resolved extends AutoscalerProps {
  readonly targetKind: WorkloadDescriptor["kind"];
  /** Container whose CPU counts; a sidecar's would dilute it (kubernetes#79365). */
  readonly container: string;
  readonly engine: Config["scaling"]["engine"];
  readonly scaling: ScalingConfig;
}

/**
 * The autoscaler of one workload, a HorizontalPodAutoscaler under the workload's own name with
 * either engine: `hpa` writes it, `keda` has KEDA write it, with signals that are read from the
 * pods at the moment of each decision. CPU is in both: of all signals the one that asks for most
 * pods wins, and one that cannot be read keeps pods from going, not from coming.
 *
 * Quick up: no stabilization, and every 15 s (the controller's own period) the larger of
 * `scaleUpPercent` and {@link SCALE_UP_PODS}. Slow down: the highest wish of the window counts, and at most
 * half of the pods go a minute, so that a pause in the load does not cost a new start-up.
 */
export class Autoscaler extends Construct {
  /** @throws if the workload does not scale, the bounds contradict each other or the signals cannot be combined */
  constructor(scope: Construct, id: string, props: AutoscalerProps) {
    super(scope, id);
    const { component, config } = props;
    const { container, bounds: scaling } = scalingOf(config, component);
    const { engine } = config.scaling;
    const resolved = { ...props, targetKind: workloadOf(component).kind, container, engine, scaling };
    assertValid(resolved);
    if (engine === "keda") this.scaledObject(resolved);
    else this.autoscaler(resolved);
  }

  private autoscaler(props: Resolved): void {
    const { min, max, cpuTarget } = props.scaling;
    const name = WORKLOAD_NAME[props.component];
    const { scaleUp, scaleDown } = behavior(props);
    const rules = ({ policies, ...rest }: Rules) => [{ ...rest, policy: policies }];
    new HorizontalPodAutoscalerV2(this, "hpa", {
      dependsOn: resourcesIn(...props.after),
      metadata: { name, namespace: props.namespace, labels: labels(props.component) },
      spec: {
        minReplicas: min,
        maxReplicas: max,
        scaleTargetRef: { apiVersion: "apps/v1", kind: props.targetKind, name },
        metric: [
          {
            type: "ContainerResource",
            containerResource: {
              name: "cpu",
              container: props.container,
              target: { type: "Utilization", averageUtilization: cpuTarget },
            },
          },
        ],
        behavior: { scaleUp: rules(scaleUp), scaleDown: rules(scaleDown) },
      },
    });
  }

  /** A release of its own: the first to go on destroy, for KEDA's finalizer needs KEDA (keda#1470). */
  private scaledObject(props: Resolved): void {
    const { min, max, cpuTarget } = props.scaling;
    const name = WORKLOAD_NAME[props.component];
    const signals = props.signals ?? [];
    const values = {
      metadata: {
        name,
        labels: labels(props.component),
        // the HPA that engine `hpa` left is taken over, not run beside
        annotations: { "scaledobject.keda.sh/transfer-hpa-ownership": "true" },
      },
      spec: {
        scaleTargetRef: { apiVersion: "apps/v1", kind: props.targetKind, name },
        minReplicaCount: min,
        maxReplicaCount: max,
        advanced: {
          horizontalPodAutoscalerConfig: { name, behavior: behavior(props) },
          ...(signals.length ? { scalingModifiers: combinedSignal(signals) } : {}),
        },
        triggers: [
          {
            type: "cpu",
            metricType: "Utilization",
            // KEDA 2.20 forgets a container's CPU beside a formula, not that of the pod: ours have one container
            metadata: signals.length
              ? { value: String(Math.round(cpuTarget * CPU_FACTOR_WITH_SIGNALS)) }
              : { value: String(cpuTarget), containerName: props.container },
          },
          ...signals.map(trigger),
        ],
      },
    };
    new Release(this, "scaled-object", {
      dependsOn: resourcesIn(...props.after),
      name: scaledObjectRelease(name),
      namespace: props.namespace,
      chart: localChart("scaled-object"),
      values: [escapeTemplate(JSON.stringify({ ...values, template: templateHash() }))],
      ...LOCAL_RELEASE,
      wait: true,
      cleanupOnFail: true,
    });
  }
}

interface Rules {
  readonly stabilizationWindowSeconds: number;
  readonly selectPolicy: "Max";
  readonly policies: { readonly type: "Percent" | "Pods"; readonly value: number; readonly periodSeconds: number }[];
}

const behavior = ({ engine, scaling }: Resolved): { scaleUp: Rules; scaleDown: Rules } => ({
  scaleUp: {
    stabilizationWindowSeconds: 0,
    selectPolicy: "Max",
    policies: [
      { type: "Percent", value: scaling.scaleUpPercent, periodSeconds: SYNC_SECONDS },
      { type: "Pods", value: SCALE_UP_PODS[engine], periodSeconds: SYNC_SECONDS },
    ],
  },
  scaleDown: {
    stabilizationWindowSeconds: scaling.scaleDownWindowSeconds,
    selectPolicy: "Max",
    policies: [
      { type: "Percent", value: 50, periodSeconds: 60 },
      { type: "Pods", value: 1, periodSeconds: 60 },
    ],
  },
});

/**
 * One figure of all signals: the highest, as a share of its target. One, for KEDA's adapter answers nothing for 60 s
 * where its operator is gone, each metric after the other, and CPU waits for its turn meanwhile.
 */
function combinedSignal(signals: readonly Signal[]) {
  const terms = signals.map(({ name, target }) => `${name} / ${target}`).join(", ");
  return {
    formula: signals.length > 1 ? `max(${terms})` : terms,
    target: "1",
    metricType: metricType(signals[0]!),
  };
}

/** Means are multiplied by the pods that are Ready; what is told of all pods together is not. */
const metricType = ({ over }: Signal) => (over === "pods" ? "Value" : "AverageValue");

/**
 * KEDA's `metrics-api` trigger over the pods of a Service. A pod that does not answer is left
 * out: a mean is then that of the others, where a sum would take its silence for rest.
 */
function trigger(signal: Signal) {
  const { name, url, metric, over, target } = signal;
  return {
    type: "metrics-api",
    name,
    metricType: metricType(signal),
    metadata: {
      url,
      format: "prometheus",
      valueLocation: metric,
      aggregateFromKubeServiceEndpoints: "true",
      aggregationType: over === "pods" ? "average" : "max",
      targetValue: String(target),
    },
  };
}

function assertValid({ component, scaling, signals = [] }: Resolved): void {
  const name = WORKLOAD_NAME[component];
  if (new Set(signals.map((s) => s.over)).size > 1) {
    throw new Error(`autoscaler ${name}: signals of single pods and of all pods together make no common figure`);
  }
  const { min, max, scaleDownWindowSeconds } = scaling;
  if (min > max) throw new Error(`autoscaler ${name}: min is ${min}, above max ${max}`);
  if (scaleDownWindowSeconds < 2 * METRIC_RESOLUTION_SECONDS) {
    throw new Error(
      `autoscaler ${name}: scaleDownWindowSeconds is ${scaleDownWindowSeconds}, ` +
        `below two metric ages (${2 * METRIC_RESOLUTION_SECONDS} s): it would act on noise`,
    );
  }
}

/** Among the values, so that a change of the template is a change that Terraform sees. */
const templateHash = (): string =>
  createHash("sha256")
    .update(fs.readFileSync(path.join(chartDir("scaled-object"), "templates", "scaled-object.yaml")))
    .digest("hex")
    .slice(0, 12);
