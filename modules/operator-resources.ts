import { Construct } from "constructs";
import { Manifest } from "@cdktf/provider-kubernetes/lib/manifest";
import { ruleGroups } from "../dashboards/rules";
import { PART_OF, projectLabels } from "./names";
import { serviceMonitors, type MonitoredServices } from "./service-monitors";

export interface OperatorResourcesProps {
  readonly services: MonitoredServices;
  /** Labels by which the cluster's Prometheus selects monitors and rules. */
  readonly selectorLabels: Readonly<Record<string, string>>;
  /** Address or folder of the runbooks. */
  readonly runbooks: string;
}

/**
 * ServiceMonitors and rules as objects of a Prometheus operator that the cluster has already
 * (`observability: existing`), in the application's namespace. Its CRDs must exist.
 */
export class OperatorResources extends Construct {
  constructor(scope: Construct, id: string, props: OperatorResourcesProps) {
    super(scope, id);
    const { namespace } = props.services;
    const object = (kind: string, name: string, spec: object) =>
      new Manifest(this, `${kind.toLowerCase()}-${name}`, {
        manifest: {
          apiVersion: "monitoring.coreos.com/v1",
          kind,
          metadata: { name, namespace, labels: { ...projectLabels, ...props.selectorLabels } },
          spec,
        },
        fieldManager: { name: "terraform" },
      });
    for (const { name, ...spec } of serviceMonitors(props.services)) object("ServiceMonitor", name, spec);
    object("PrometheusRule", PART_OF, { groups: ruleGroups(namespace, props.runbooks) });
  }
}
