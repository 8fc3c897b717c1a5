import { Construct } from "constructs";
import type { Container, EnvVar, PodSpec } from "kubernetes-types/core/v1";
import { Autoscaler } from "../autoscaling/autoscaler";
import { ComponentService, type ComponentServiceProps } from "../kubernetes/service";
import type { Config, ImageConfig } from "../../config";
import { DisruptionBudget } from "../kubernetes/disruption-budget";
import { workloadOf, type Component } from "../../catalog/workloads";
import { containerResources } from "../kubernetes/sizing";
import { containerSecurity, podSpec, resourcesOf } from "../kubernetes/pod";
import type { Signal } from "../autoscaling/signals";
import { Workload } from "../kubernetes/workload";

/** Size of /tmp. A pod that writes more is evicted. */
const TMP_SIZE = "16Mi";

export interface WebWorkloadProps {
  /** Workload that the objects belong to. */
  readonly component: Component;
  /** Namespace that the objects are created in. */
  readonly namespace: string;
  /** The whole configuration. */
  readonly config: Config;
  /** Image reference, by digest or tag. */
  readonly image: string;
  /** Configuration of this image: port, probe paths, user. */
  readonly settings: ImageConfig;
  /** Signals that engine `keda` uses besides CPU. */
  readonly signals: readonly Signal[];
  /** Environment of the container. */
  readonly env: EnvVar[];
  /**
   * Command that runs before the container gets SIGTERM.
   * @default it sleeps for PRE_STOP_SECONDS
   */
  readonly preStop?: string[];
  /**
   * Volumes of the pods, besides /tmp.
   * @default none
   */
  readonly volumes?: NonNullable<PodSpec["volumes"]>;
  /**
   * Volume mounts of the container, besides /tmp.
   * @default none
   */
  readonly mounts?: NonNullable<Container["volumeMounts"]>;
  /**
   * ServiceAccount of the pods, if they call the Kubernetes API.
   * @default the namespace's default account, without a mounted token
   */
  readonly serviceAccountName?: string;
  /**
   * How the Service is exposed outside the cluster.
   * @default not at all
   */
  readonly service?: Pick<ComponentServiceProps, "type" | "nodePort" | "annotations">;
}

/**
 * Seconds between a pod's removal from the Services' endpoints and its SIGTERM. On two saturated cores, kube-proxy took
 * more than 5 s for 8 % of 201 changes and more than 10 s for 3 % (according to its own histogram, during tier
 * `autoscaling`); the API itself drains for slightly longer.
 */
export const PRE_STOP_SECONDS = 10;

/**
 * A stateless HTTP server: Deployment, Service, autoscaler and disruption budget.
 *
 * A rollout adds a Ready pod before it removes one. A terminating pod sleeps first, so that
 * every node has removed it from its routes before it stops accepting connections.
 */
export class WebWorkload extends Construct {
  readonly service: ComponentService;

  constructor(scope: Construct, id: string, props: WebWorkloadProps) {
    super(scope, id);
    const { component, namespace, settings } = props;
    const { port } = workloadOf(component);
    this.service = new ComponentService(this, "service", {
      component,
      namespace,
      port: port.number,
      portName: port.name,
      targetPort: settings.port,
      ...props.service,
    });
    new DisruptionBudget(this, "pdb", { component, namespace });
    const httpProbe = (path: string) => ({ httpGet: { path, port: "http" } });
    const workload = new Workload(this, "workload", {
      config: props.config,
      component,
      namespace,
      kind: "Deployment",
      pod: podSpec({
        component,
        config: props.config,
        runAsUser: settings.runAsUser,
        // the sleep before SIGTERM, the drain (5 s) and the longest response (30 s)
        terminationGracePeriodSeconds: 50,
        ...(props.serviceAccountName ? { serviceAccountName: props.serviceAccountName } : {}),
        volumes: [{ name: "tmp", emptyDir: { sizeLimit: TMP_SIZE } }, ...(props.volumes ?? [])],
        containers: [
          {
            name: component,
            image: props.image,
            env: props.env,
            ports: [{ name: "http", containerPort: settings.port, protocol: "TCP" }],
            resources: resourcesOf(containerResources(props.config, component, component)),
            securityContext: containerSecurity(settings.readOnlyRootFilesystem),
            volumeMounts: [{ name: "tmp", mountPath: "/tmp" }, ...(props.mounts ?? [])],
            startupProbe: {
              ...httpProbe(settings.livenessPath),
              periodSeconds: 1,
              timeoutSeconds: 2,
              failureThreshold: 60,
            },
            livenessProbe: {
              ...httpProbe(settings.livenessPath),
              periodSeconds: 10,
              timeoutSeconds: 3,
              failureThreshold: 3,
            },
            readinessProbe: {
              ...httpProbe(settings.readinessPath),
              periodSeconds: 2,
              timeoutSeconds: 2,
              failureThreshold: 2,
            },
            lifecycle: { preStop: { exec: { command: props.preStop ?? ["sleep", String(PRE_STOP_SECONDS)] } } },
          },
        ],
      }),
    });
    new Autoscaler(this, "autoscaler", {
      component,
      namespace,
      config: props.config,
      signals: props.signals,
      after: [workload],
    });
  }
}
