import type { Construct } from "constructs";
import { GRAFANA_SECRET, STACK_RELEASE } from "../catalog/names";
import type { Config } from "../config";
import { GrafanaDashboards } from "../modules/monitoring/grafana-dashboards";
import { Namespace } from "../modules/kubernetes/namespace";
import { scrapesFastScaler } from "../modules/kubernetes/sizing";
import { OperatorResources } from "../modules/monitoring/operator-resources";
import { PrometheusStack } from "../modules/monitoring/prometheus-stack";
import type { MonitoredServices } from "../modules/monitoring/service-monitors";
import { Layer } from "./layer";

/** Layer `observability`: Prometheus, Alertmanager, Grafana, dashboards, monitors and rules. */
export class ObservabilityLayer extends Layer<"observability"> {
  constructor(scope: Construct, config: Config) {
    super(scope, "observability", config);
    const mode = config.observability;
    this.writeSome({ mode });
    // needed in every mode, because Terraform uses the providers to delete what another mode deployed
    this.useKubernetes();
    this.useHelm();
    this.useRandom();
    if (mode === "none") return;

    const data = this.stateOf("data");
    const services: MonitoredServices = {
      namespace: data("namespace"),
      exporterHost: data("redis_exporter_host"),
    };
    if (mode === "existing") {
      new OperatorResources(this, "operator-resources", { services, config });
      new GrafanaDashboards(this, "dashboards", {
        namespace: services.namespace,
        appNamespace: services.namespace,
        runbooks: config.monitoring.runbooks,
        fast: scrapesFastScaler(config),
      });
      return;
    }

    const { ref: namespace } = new Namespace(this, "namespace", {
      name: config.namespaces.monitoring,
      // node-exporter reads the host's processes and mounts; everything else satisfies `restricted`
      enforce: config.monitoring.nodeExporter ? "privileged" : "restricted",
      create: config.namespaces.create,
    });
    new GrafanaDashboards(this, "dashboards", {
      namespace,
      appNamespace: services.namespace,
      runbooks: config.monitoring.runbooks,
      fast: scrapesFastScaler(config),
    });
    new PrometheusStack(this, "stack", { namespace, config, services });
    this.writeSome({
      namespace,
      prometheus_service: `${STACK_RELEASE}-prometheus`,
      alertmanager_service: `${STACK_RELEASE}-alertmanager`,
      grafana_service: `${STACK_RELEASE}-grafana`,
      grafana_secret: GRAFANA_SECRET,
    });
  }
}
