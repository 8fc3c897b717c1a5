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
import { isFast, type Signal } from "./signals";

/** Resolution of the metrics-server that we install, in seconds. */
export const METRIC_RESOLUTION_SECONDS = 10;
/** Control-loop period of the Kubernetes autoscaler, in seconds: `--horizontal-pod-autoscaler-sync-period`. */
const SYNC_SECONDS = 15;

/**
 * Number of pods that can be added in one period, even to a small workload. CPU use peaks briefly when load starts, and
 * CPU metrics arrive late, so two small steps are better than one large step if CPU is the only signal.
 */
const SCALE_UP_PODS = { cpu: 2, load: 4 } as const;

/**
 * When other signals are used too, the CPU target is raised by this factor. Otherwise, the higher of two noisy metrics
 * would decide, and a pod that is still compiling its code looks busier than it is.
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
   * Signals that the `keda` engine or the fast scaler uses in addition to CPU.
   * @default none
   */
  readonly signals?: readonly Signal[];
  /** Constructs that must exist first: the workload, and KEDA if this layer installs it. */
  readonly after: readonly IConstruct[];
}

/** The props, completed with values from the descriptor and the configuration. */
interface Resolved extends AutoscalerProps {
  readonly targetKind: WorkloadDescriptor["kind"];
  /** Container whose CPU use is measured; including a sidecar would dilute the mean (kubernetes#79365). */
  readonly container: string;
  readonly engine: Config["scaling"]["engine"];
  /** Whether the fast scaler scales this workload too. */
  readonly fast: boolean;
  readonly scaling: ScalingConfig;
}

/**
 * The autoscaler of one workload. With either engine, it is a HorizontalPodAutoscaler with the workload's name. With
 * `hpa`, Terraform writes it; with `keda`, KEDA does, and adds signals that it reads from the pods at each evaluation.
 * Both use CPU. The signal with the highest recommendation wins, and a missing metric blocks scale-in, not scale-out.
 *
 * If the fast scaler is used too, the HPA only adds pods, based on CPU; its scale-in is disabled, because it would undo
 * a fast scale-out (docs/decisions/0017-fast-scaler.md).
 *
 * Scale-out is fast: there is no stabilization window, and every 15 s (the controller's period) the workload may grow
 * by `scaleUpPercent` or {@link SCALE_UP_PODS}, whichever is larger. Scale-in is slow: the highest recommendation in
 * the window counts, and at most half of the pods are removed per minute, so that no new pods are needed after a pause
 * in the load.
 */
export class Autoscaler extends Construct {
  /** @throws if the workload is not scalable, the bounds contradict each other or the signals cannot be combined */
  constructor(scope: Construct, id: string, props: AutoscalerProps) {
    super(scope, id);
    const { component, config } = props;
    const { container, bounds: scaling } = scalingOf(config, component);
    const { engine } = config.scaling;
    const fast = isFast(config, props.signals);
    const resolved = { ...props, targetKind: workloadOf(component).kind, container, engine, fast, scaling };
    assertValid(resolved);
    if (engine === "keda") this.scaledObject(resolved);
    else this.autoscaler(resolved);
  }

  private autoscaler(props: Resolved): void {
    const { min, max } = props.scaling;
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
              target: {
                type: "Utilization",
                averageUtilization: props.fast ? withSignals(props) : props.scaling.cpuTarget,
              },
            },
          },
        ],
        behavior: { scaleUp: rules(scaleUp), scaleDown: rules(scaleDown) },
      },
    });
  }

  /** A separate release, so that it is destroyed first: its finalizer needs a running KEDA (keda#1470). */
  private scaledObject(props: Resolved): void {
    const { min, max, cpuTarget } = props.scaling;
    const name = WORKLOAD_NAME[props.component];
    const signals = props.signals ?? [];
    const values = {
      metadata: {
        name,
        labels: labels(props.component),
        // adopt the HPA that engine `hpa` left behind instead of creating a second one
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
            // with a formula, KEDA 2.20 drops a container's CPU metric but not the pod's; our pods have only one
            // container
            metadata: signals.length
              ? { value: String(withSignals(props)) }
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

/** CPU target, in percent, of a workload that is also scaled on other signals. */
const withSignals = ({ scaling }: Resolved): number => Math.round(scaling.cpuTarget * CPU_FACTOR_WITH_SIGNALS);

interface Rules {
  readonly stabilizationWindowSeconds: number;
  readonly selectPolicy: "Max" | "Disabled";
  readonly policies: { readonly type: "Percent" | "Pods"; readonly value: number; readonly periodSeconds: number }[];
}

/** How fast the autoscaler, or the fast scaler in its place, removes pods. */
export const SCALE_IN = { percent: 50, pods: 1, periodSeconds: 60 } as const;

const behavior = ({ engine, fast, scaling }: Resolved): { scaleUp: Rules; scaleDown: Rules } => ({
  scaleUp: {
    stabilizationWindowSeconds: 0,
    selectPolicy: "Max",
    policies: [
      { type: "Percent", value: scaling.scaleUpPercent, periodSeconds: SYNC_SECONDS },
      { type: "Pods", value: SCALE_UP_PODS[engine === "keda" || fast ? "load" : "cpu"], periodSeconds: SYNC_SECONDS },
    ],
  },
  scaleDown: {
    stabilizationWindowSeconds: scaling.scaleDownWindowSeconds,
    selectPolicy: fast ? "Disabled" : "Max",
    policies: [
      { type: "Percent", value: SCALE_IN.percent, periodSeconds: SCALE_IN.periodSeconds },
      { type: "Pods", value: SCALE_IN.pods, periodSeconds: SCALE_IN.periodSeconds },
    ],
  },
});

/**
 * Combines all signals into one metric: the highest ratio of a signal to its target. There is only one metric because,
 * while KEDA's operator is down, its adapter takes 60 s for each metric in turn, and the autoscaler reads CPU only
 * after them.
 */
function combinedSignal(signals: readonly Signal[]) {
  const terms = signals.map(({ name, target }) => `${name} / ${target}`).join(", ");
  return {
    formula: signals.length > 1 ? `max(${terms})` : terms,
    target: "1",
    metricType: metricType(signals[0]!),
  };
}

/** A mean is multiplied by the number of Ready pods; a total over all pods is not. */
const metricType = ({ over }: Signal) => (over === "pods" ? "Value" : "AverageValue");

/**
 * KEDA's `metrics-api` trigger for the pods of a Service. A pod that does not answer is left out. The mean then covers
 * the other pods, whereas a sum would count the missing pod as idle.
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
    throw new Error(`autoscaler ${name}: signals per pod and signals over all pods cannot be combined; use one kind`);
  }
  const { min, max, scaleDownWindowSeconds } = scaling;
  if (min > max) throw new Error(`autoscaler ${name}: min is ${min}, above max ${max}; lower min or raise max`);
  if (scaleDownWindowSeconds < 2 * METRIC_RESOLUTION_SECONDS) {
    throw new Error(
      `autoscaler ${name}: scaleDownWindowSeconds is ${scaleDownWindowSeconds}, ` +
        `below two metric intervals (${2 * METRIC_RESOLUTION_SECONDS} s): the autoscaler would act on noise`,
    );
  }
}

/** Included in the chart values so that Terraform detects changes to the template. */
const templateHash = (): string =>
  createHash("sha256")
    .update(fs.readFileSync(path.join(chartDir("scaled-object"), "templates", "scaled-object.yaml")))
    .digest("hex")
    .slice(0, 12);
