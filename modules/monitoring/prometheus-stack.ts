import { Construct } from "constructs";
import { GRAFANA_SECRET, STACK_RELEASE } from "../../catalog/names";
import { ruleGroups } from "../../dashboards/rules";
import { alertmanagerConfig, alertmanagerSecrets } from "./alertmanager-config";
import { Chart } from "../kubernetes/helm-chart";
import type { Config } from "../../config";
import { GeneratedSecret } from "../kubernetes/generated-secret";
import { FAST_EVICTION, FAST_READINESS } from "../kubernetes/pod";
import { canonicalQuantity } from "../kubernetes/quantity";
import { rulesProps } from "./rules-props";
import { serviceMonitors, type MonitoredServices } from "./service-monitors";

/** Label that Grafana's sidecar selects dashboards by. */
export const DASHBOARD_LABEL = { grafana_dashboard: "1" } as const;

const GRAFANA_SECRET_DIR = "/run/secrets/grafana";

const resources = (cpu: string, memory: string, limit: string) => ({
  requests: { cpu, memory },
  limits: { memory: limit },
});
const restrictedContainer = {
  allowPrivilegeEscalation: false,
  readOnlyRootFilesystem: true,
  capabilities: { drop: ["ALL"] },
};

export interface PrometheusStackProps {
  /** Namespace that the objects are created in. */
  readonly namespace: string;
  /** The whole configuration. */
  readonly config: Config;
  /** Services to monitor, and their namespace. */
  readonly services: MonitoredServices;
}

/**
 * Prometheus, Alertmanager, Grafana, kube-state-metrics and node-exporter, as one Helm release.
 *
 * Our monitors and rules are chart values, so that a plan on an empty cluster needs no CRD
 * (terraform-provider-kubernetes#1367). The operator's admission webhooks are disabled: they need an extra certificate
 * job and are left behind by a destroy (helm-charts#4143).
 */
export class PrometheusStack extends Construct {
  constructor(scope: Construct, id: string, props: PrometheusStackProps) {
    super(scope, id);
    const grafana = new GeneratedSecret(this, "grafana-admin", {
      namespace: props.namespace,
      name: GRAFANA_SECRET,
      passwords: ["admin-password"],
      data: { "admin-user": "admin" },
    });
    new Chart(this, "chart", {
      config: props.config,
      chart: "kubePrometheusStack",
      namespace: props.namespace,
      releaseName: STACK_RELEASE,
      values: stackValues(props),
      after: [grafana],
    });
  }
}

/** The chart's values for one configuration. */
function stackValues({ config, services, namespace }: PrometheusStackProps): object {
  const { monitoring } = config;
  const ifControlPlane = { enabled: monitoring.controlPlane };
  const volume = (size: string) => ({
    volumeClaimTemplate: {
      spec: {
        accessModes: ["ReadWriteOnce"],
        ...(monitoring.storageClass ? { storageClassName: monitoring.storageClass } : {}),
        resources: { requests: { storage: canonicalQuantity(size) } },
      },
    },
  });
  return {
    ...(config.images.mirror === undefined ? {} : { global: { imageRegistry: config.images.mirror } }),
    // most clusters do not run these components as pods, so their alerts would always fire
    kubeEtcd: ifControlPlane,
    kubeScheduler: ifControlPlane,
    kubeControllerManager: ifControlPlane,
    kubeProxy: ifControlPlane,
    // the chart creates a Service in kube-system for DNS, and its operator creates another for the kubelets
    ...(monitoring.kubeSystem ? {} : { coreDns: { enabled: false }, kubelet: { namespace } }),
    defaultRules: {
      rules: {
        etcd: monitoring.controlPlane,
        kubeControllerManager: monitoring.controlPlane,
        kubeProxy: monitoring.controlPlane,
        kubeSchedulerAlerting: monitoring.controlPlane,
        kubeSchedulerRecording: monitoring.controlPlane,
        windows: false,
        // without node-exporter, these rules would only query series that nothing exports
        ...(monitoring.nodeExporter ? {} : { node: false, nodeExporterAlerting: false, nodeExporterRecording: false }),
      },
      disabled: Object.fromEntries(
        // our own alert checks ScalingLimited; the chart's alert also fires if the maximum is just sufficient
        ["KubeHpaMaxedOut", ...monitoring.disabledAlerts].map((alert) => [alert, true]),
      ),
    },
    additionalPrometheusRulesMap: {
      iacproject: { groups: ruleGroups(rulesProps(config, services.namespace)) },
    },
    // Prometheus and Alertmanager are StatefulSets, whose pods are not replaced while their node's object exists
    prometheusOperator: {
      tolerations: FAST_EVICTION,
      readinessProbe: FAST_READINESS,
      // other releases' Prometheus and Alertmanager have their own operator; two operators that manage the same object
      // delete its StatefulSet in turn (prometheus-operator#4829). Monitors and rules are still found in every
      // namespace
      prometheusInstanceNamespaces: [namespace],
      alertmanagerInstanceNamespaces: [namespace],
      thanosRulerInstanceNamespaces: [namespace],
      admissionWebhooks: { enabled: false },
      tls: { enabled: false },
      ...(monitoring.kubeSystem ? {} : { kubeletService: { namespace } }),
      resources: resources("20m", "64Mi", "256Mi"),
      prometheusConfigReloader: { resources: resources("5m", "24Mi", "64Mi") },
    },
    prometheus: {
      additionalServiceMonitors: serviceMonitors(services, config),
      prometheusSpec: {
        // also select monitors and rules of other releases (helm-charts#430)
        serviceMonitorSelectorNilUsesHelmValues: false,
        podMonitorSelectorNilUsesHelmValues: false,
        ruleSelectorNilUsesHelmValues: false,
        probeSelectorNilUsesHelmValues: false,
        scrapeConfigSelectorNilUsesHelmValues: false,
        scrapeInterval: "30s",
        retention: monitoring.retention,
        retentionSize: monitoring.retentionSize,
        resources: resources("100m", "512Mi", "2Gi"),
        ...(monitoring.storage === null ? {} : { storageSpec: volume(monitoring.storage) }),
      },
    },
    alertmanager: {
      config: alertmanagerConfig(monitoring),
      alertmanagerSpec: {
        secrets: alertmanagerSecrets(monitoring),
        resources: resources("10m", "48Mi", "192Mi"),
      },
    },
    "kube-state-metrics": {
      tolerations: FAST_EVICTION,
      readinessProbe: FAST_READINESS,
      resources: resources("10m", "64Mi", "256Mi"),
    },
    nodeExporter: { enabled: monitoring.nodeExporter },
    "prometheus-node-exporter": {
      resources: resources("10m", "24Mi", "96Mi"),
      // node-exporter needs the host's namespaces, but no other privileges
      securityContext: { seccompProfile: { type: "RuntimeDefault" } },
      containerSecurityContext: {
        readOnlyRootFilesystem: true,
        allowPrivilegeEscalation: false,
        capabilities: { drop: ["ALL"] },
      },
    },
    grafana: {
      tolerations: FAST_EVICTION,
      readinessProbe: FAST_READINESS,
      admin: { existingSecret: GRAFANA_SECRET, userKey: "admin-user", passwordKey: "admin-password" },
      // the password is read from a file; otherwise the chart would set it as an environment variable
      env: {
        GF_SECURITY_ADMIN_USER: "admin",
        GF_SECURITY_ADMIN_PASSWORD__FILE: `${GRAFANA_SECRET_DIR}/admin-password`,
        GF_ANALYTICS_REPORTING_ENABLED: "false",
        GF_ANALYTICS_CHECK_FOR_UPDATES: "false",
      },
      extraSecretMounts: [
        {
          name: GRAFANA_SECRET,
          secretName: GRAFANA_SECRET,
          mountPath: GRAFANA_SECRET_DIR,
          readOnly: true,
          defaultMode: 0o440,
        },
      ],
      ...(monitoring.grafanaNodePort === undefined
        ? {}
        : { service: { type: "NodePort", nodePort: monitoring.grafanaNodePort } }),
      resources: resources("50m", "128Mi", "384Mi"),
      containerSecurityContext: { ...restrictedContainer, seccompProfile: { type: "RuntimeDefault" } },
      testFramework: { enabled: false },
      // the sidecar reads only the ConfigMaps of this namespace
      rbac: { namespaced: true },
      // provisioned before Grafana starts, so there is no race with a sidecar
      datasources: {
        "datasources.yaml": {
          apiVersion: 1,
          datasources: [
            {
              name: "Prometheus",
              uid: "prometheus",
              type: "prometheus",
              access: "proxy",
              isDefault: true,
              url: `http://${STACK_RELEASE}-prometheus.${namespace}:9090/`,
              jsonData: { httpMethod: "POST", timeInterval: "10s" },
            },
            {
              name: "Alertmanager",
              uid: "alertmanager",
              type: "alertmanager",
              access: "proxy",
              url: `http://${STACK_RELEASE}-alertmanager.${namespace}:9093/`,
              jsonData: { implementation: "prometheus", handleGrafanaManagedAlerts: false },
            },
          ],
        },
      },
      sidecar: {
        resources: resources("10m", "80Mi", "192Mi"),
        securityContext: { ...restrictedContainer, seccompProfile: { type: "RuntimeDefault" } },
        // Grafana polls the folder; a reload request would need the password
        dashboards: {
          skipReload: true,
          label: "grafana_dashboard",
          labelValue: "1",
          resource: "configmap",
          searchNamespace: namespace,
        },
        datasources: { enabled: false },
      },
    },
  };
}
