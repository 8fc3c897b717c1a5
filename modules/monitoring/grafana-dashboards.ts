import { Construct } from "constructs";
import { ConfigMapV1 } from "@cdktf/provider-kubernetes/lib/config-map-v1";
import { dashboards } from "../../dashboards";
import { escapeTemplate } from "../terraform/escape";
import { projectLabels } from "../../catalog/names";
import { DASHBOARD_LABEL } from "./prometheus-stack";

export interface GrafanaDashboardsProps {
  /** Namespace that the objects are created in. */
  readonly namespace: string;
  /** Namespace of the application, which the dashboards select by default. */
  readonly appNamespace: string;
  /** Address or folder of the runbooks that panels link to. */
  readonly runbooks: string;
  /** Whether Prometheus scrapes the fast scaler. */
  readonly fast: boolean;
}

/** One ConfigMap per dashboard, with the label that Grafana's sidecar selects. */
export class GrafanaDashboards extends Construct {
  constructor(scope: Construct, id: string, props: GrafanaDashboardsProps) {
    super(scope, id);
    for (const [file, content] of Object.entries(
      dashboards({ namespace: props.appNamespace, runbooks: props.runbooks, fast: props.fast }),
    )) {
      const name = file.replace(/\.json$/, "");
      new ConfigMapV1(this, name, {
        metadata: {
          name: `dashboard-${name}`,
          namespace: props.namespace,
          labels: { ...projectLabels, ...DASHBOARD_LABEL },
        },
        data: { [file]: escapeTemplate(JSON.stringify(content)) },
      });
    }
  }
}
