import { Construct } from "constructs";
import { ruleGroups } from "../../dashboards/rules";
import type { Config } from "../../config";
import { PART_OF, projectLabels } from "../../catalog/names";
import { writeObject } from "../kubernetes/object";
import { rulesProps } from "./rules-props";
import { serviceMonitors, type MonitoredServices } from "./service-monitors";

export interface OperatorResourcesProps {
  /** Services to monitor, and their namespace. */
  readonly services: MonitoredServices;
  /** The whole configuration. */
  readonly config: Config;
}

/**
 * ServiceMonitors and rules for the cluster's existing Prometheus operator (`observability:
 * existing`), in the application's namespace. The operator's CRDs must exist.
 */
export class OperatorResources extends Construct {
  constructor(scope: Construct, id: string, props: OperatorResourcesProps) {
    super(scope, id);
    const { services, config } = props;
    const { namespace } = services;
    // the cluster's Prometheus selects monitors and rules by these labels
    const { selectorLabels } = config.monitoring;
    const object = (kind: string, name: string, spec: object) => {
      const id = `${kind.toLowerCase()}-${name}`;
      // each release needs its own scope; without releases, the addresses in existing states must not change
      writeObject(config.workloads === "helm" ? new Construct(this, id) : this, id, {
        config,
        // not just `name`, because the workload of that name is a release too
        name: id,
        namespace,
        object: {
          apiVersion: "monitoring.coreos.com/v1",
          kind,
          metadata: { name, namespace, labels: { ...projectLabels, ...selectorLabels } },
          spec,
        },
        // Terraform is the only owner of these objects, so it overwrites manual changes
        fieldManager: { name: "terraform", forceConflicts: true },
      });
    };
    for (const { name, ...spec } of serviceMonitors(services, config)) object("ServiceMonitor", name, spec);
    object("PrometheusRule", PART_OF, { groups: ruleGroups(rulesProps(config, namespace)) });
  }
}
