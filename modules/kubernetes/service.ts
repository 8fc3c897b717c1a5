import { Construct } from "constructs";
import { ServiceV1 } from "@cdktf/provider-kubernetes/lib/service-v1";
import { escapeTemplate } from "../terraform/escape";
import { labels, selectorLabels } from "../../catalog/names";
import { headlessName, WORKLOAD_NAME, type Component } from "../../catalog/workloads";

export interface ComponentServiceProps {
  /** Workload that the Service selects. */
  readonly component: Component;
  /** Namespace that the objects are created in. */
  readonly namespace: string;
  /** Port of the Service. */
  readonly port: number;
  /** Name of the port; ServiceMonitors and probes refer to it. */
  readonly portName: string;
  /**
   * Port of the container.
   * @default port
   */
  readonly targetPort?: number;
  /**
   * Makes the Service headless, named `NAME-headless`, with a DNS record for each pod, Ready or not.
   * @default false
   */
  readonly headless?: boolean;
  /**
   * Routes traffic to a pod as soon as the pod has an address, Ready or not; a headless Service always does so.
   * @default false
   */
  readonly publishNotReady?: boolean;
  /**
   * Kind of Service.
   * @default ClusterIP
   */
  readonly type?: "ClusterIP" | "NodePort" | "LoadBalancer";
  /**
   * Fixed node port, if type is NodePort.
   * @default Kubernetes chooses one
   */
  readonly nodePort?: number;
  /**
   * Its annotations.
   * @default none
   */
  readonly annotations?: Readonly<Record<string, string>>;
}

/**
 * The annotations of an object's metadata, if there are any. They are escaped, because a user's text may look like a
 * template.
 */
export const annotated = (annotations: Readonly<Record<string, string>> = {}) =>
  Object.keys(annotations).length
    ? { annotations: Object.fromEntries(Object.entries(annotations).map(([k, v]) => [k, escapeTemplate(v)])) }
    : {};

/** The Service of one component, named like its workload or, if headless, `NAME-headless`. */
export class ComponentService extends Construct {
  readonly name: string;
  readonly port: number;
  /** The Service's address in the cluster, known after the apply. */
  readonly address: string;

  constructor(scope: Construct, id: string, props: ComponentServiceProps) {
    super(scope, id);
    this.name = props.headless ? headlessName(props.component) : WORKLOAD_NAME[props.component];
    this.port = props.port;
    const service = new ServiceV1(this, "service", {
      // a load balancer's address can take minutes to appear, and never appears in a cluster without load balancers
      waitForLoadBalancer: false,
      // some clouds set it on creation, and a plan that removes it replaces the Service and its load balancer
      lifecycle: { ignoreChanges: ["spec[0].load_balancer_class"] },
      metadata: {
        name: this.name,
        namespace: props.namespace,
        labels: { ...labels(props.component), "iacproject/service": this.name },
        ...annotated(props.annotations),
      },
      spec: {
        selector: selectorLabels(props.component),
        type: props.type ?? "ClusterIP",
        ...(props.headless ? { clusterIp: "None" } : {}),
        ...(props.headless || props.publishNotReady ? { publishNotReadyAddresses: true } : {}),
        port: [
          {
            name: props.portName,
            port: props.port,
            targetPort: String(props.targetPort ?? props.port),
            protocol: "TCP",
            ...(props.nodePort ? { nodePort: props.nodePort } : {}),
          },
        ],
      },
    });
    this.address = service.spec.clusterIp;
  }
}
