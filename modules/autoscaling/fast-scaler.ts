import { Construct } from "constructs";
import type { Config } from "../../config";
import { SCALER_LEASE, selectorLabels } from "../../catalog/names";
import { WORKLOAD_NAME, workloadOf } from "../../catalog/workloads";
import { CREDENTIALS_DIR, KubernetesApiAccess } from "../kubernetes/kubernetes-api-access";
import { containerSecurity, podSpec, resourcesOf } from "../kubernetes/pod";
import { ComponentService } from "../kubernetes/service";
import { containerPort, containerResources, maxPods, metricsPath, scalingOf } from "../kubernetes/sizing";
import { Workload } from "../kubernetes/workload";
import { SCALE_IN } from "./autoscaler";
import { isFast, signals, type Signal } from "./signals";

/** Interval between two readings of the pods' load, in milliseconds. */
const TICK_MS = 500;
/**
 * Number of pods that can be added within 15 s, even to a small workload. The load is measured directly, not derived
 * from CPU as in the HorizontalPodAutoscaler, so one large step is appropriate.
 */
const SCALE_OUT = { pods: 8, periodSeconds: 15 } as const;

export interface FastScalerProps {
  /** Namespace that the objects are created in, and the only one that the scaler may access. */
  readonly namespace: string;
  /** The whole configuration. */
  readonly config: Config;
  /** Image reference, by digest or tag. */
  readonly image: string;
}

/** The components that it can scale. */
type Fast = "node" | "react";

/** A workload to scale, in the form that images/scaler/src/config.ts reads. */
function target(config: Config, component: Fast, found: readonly Signal[]): object {
  const { bounds } = scalingOf(config, component);
  return {
    workload: WORKLOAD_NAME[component],
    selector: Object.entries(selectorLabels(component))
      .map(([label, value]) => `${label}=${value}`)
      .join(","),
    port: containerPort(config, component),
    path: metricsPath(config, component),
    sparePods: config.scaling[component].sparePods,
    signals: found.map(({ metric, target, max }) => ({ metric, target, ...(max === undefined ? {} : { limit: max }) })),
    scaleDownWindowSeconds: bounds.scaleDownWindowSeconds,
    scaleUp: { percent: bounds.scaleUpPercent, ...SCALE_OUT },
    scaleDown: SCALE_IN,
  };
}

/**
 * The fast scaler reads the load of each API and front pod twice a second and writes the `scale` of their Deployments.
 * The HorizontalPodAutoscalers still scale out on CPU, also while the scaler is down. The scaler needs permissions only in
 * its own namespace. Design: docs/decisions/0017-fast-scaler.md.
 */
export class FastScaler extends Construct {
  constructor(scope: Construct, id: string, props: FastScalerProps) {
    super(scope, id);
    const { namespace, config, image } = props;
    const settings = config.images.scaler;
    const { node, react } = signals(config, namespace);
    const found = Object.entries({ node, react } as const) as [Fast, Signal[]][];
    const scaled = found.filter(([, of]) => isFast(config, of));
    const names = scaled.map(([component]) => WORKLOAD_NAME[component]);

    const access = new KubernetesApiAccess(this, "access", {
      component: "scaler",
      namespace,
      rules: [
        { apiGroups: [""], resources: ["pods"], verbs: ["list", "watch"] },
        { apiGroups: ["apps"], resources: ["deployments"], resourceNames: names, verbs: ["list", "watch"] },
        {
          apiGroups: ["autoscaling"],
          resources: ["horizontalpodautoscalers"],
          resourceNames: names,
          verbs: ["list", "watch"],
        },
        { apiGroups: ["apps"], resources: ["deployments/scale"], resourceNames: names, verbs: ["get", "patch"] },
        // a rule for `create` cannot be limited to one name
        { apiGroups: ["coordination.k8s.io"], resources: ["leases"], verbs: ["create"] },
        {
          apiGroups: ["coordination.k8s.io"],
          resources: ["leases"],
          resourceNames: [SCALER_LEASE],
          verbs: ["get", "update"],
        },
      ],
    });
    const { port } = workloadOf("scaler");
    // for Prometheus
    new ComponentService(this, "service", {
      component: "scaler",
      namespace,
      port: port.number,
      portName: port.name,
      targetPort: settings.port,
    });
    const probe = (path: string) => ({ httpGet: { path, port: "http" } });
    new Workload(this, "workload", {
      config,
      component: "scaler",
      namespace,
      kind: "Deployment",
      fixedSize: maxPods(config, "scaler"),
      pod: podSpec({
        component: "scaler",
        config,
        runAsUser: settings.runAsUser,
        serviceAccountName: access.serviceAccountName,
        terminationGracePeriodSeconds: 15,
        volumes: access.volumes,
        containers: [
          {
            name: "scaler",
            image,
            env: [
              { name: "PORT", value: String(settings.port) },
              { name: "POD_NAME", valueFrom: { fieldRef: { fieldPath: "metadata.name" } } },
              { name: "KUBERNETES_CREDENTIALS_DIR", value: CREDENTIALS_DIR },
              {
                name: "SCALER_CONFIG",
                value: JSON.stringify({
                  namespace,
                  lease: SCALER_LEASE,
                  tickMs: TICK_MS,
                  targets: scaled.map(([component, of]) => target(config, component, of)),
                }),
              },
            ],
            ports: [{ name: "http", containerPort: settings.port, protocol: "TCP" }],
            resources: resourcesOf(containerResources(config, "scaler", "scaler")),
            securityContext: containerSecurity(settings.readOnlyRootFilesystem),
            volumeMounts: access.mounts,
            livenessProbe: {
              ...probe(settings.livenessPath),
              initialDelaySeconds: 5,
              periodSeconds: 5,
              timeoutSeconds: 3,
              failureThreshold: 3,
            },
            readinessProbe: { ...probe(settings.readinessPath), periodSeconds: 2, timeoutSeconds: 2 },
          },
        ],
      }),
    });
  }
}
