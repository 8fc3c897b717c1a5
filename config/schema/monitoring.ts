/** Prometheus, Alertmanager, Grafana, receivers and service-level objectives. */
import { z } from "zod";
import { dnsName, nodePort, quantity, secretKey } from "./common";

const receiver = z.discriminatedUnion("type", [
  z.strictObject({
    type: z.literal("webhook"),
    name: dnsName,
    secret: secretKey.describe("holds the URL"),
  }),
  z.strictObject({
    type: z.literal("slack"),
    name: dnsName,
    channel: z.string().min(1),
    secret: secretKey.describe("holds the webhook URL"),
  }),
  z.strictObject({
    type: z.literal("email"),
    name: dnsName,
    to: z.string().min(3),
    from: z.string().min(3),
    smarthost: z.string().regex(/^[^:\s]+:\d+$/, "host:port"),
    username: z.string().optional(),
    secret: secretKey.describe("holds the SMTP password"),
  }),
]);

export const observability = z
  .enum(["install", "existing", "none"])
  .default("install")
  .describe(
    "install: deploys Prometheus, Alertmanager and Grafana; existing: adds monitors, rules and dashboards to the " +
      "cluster's own Prometheus and Grafana; none: deploys nothing",
  );

export const monitoring = z
  .strictObject({
    retention: z
      .string()
      .regex(/^\d+(h|d|w)$/, 'a duration such as "7d"')
      .default("7d")
      .describe("how long Prometheus keeps samples"),
    retentionSize: z
      .string()
      .regex(/^\d+(MB|GB)$/, 'a size such as "4GB"')
      .default("4GB")
      .describe("maximum size of the samples that Prometheus keeps; the oldest are deleted first"),
    storage: quantity
      .nullable()
      .default(null)
      .describe(
        "size of Prometheus' volume; null: no volume, so the samples are on the node's disk and are lost with the pod",
      ),
    storageClass: z
      .string()
      .min(1)
      .optional()
      .describe("storage class of Prometheus' volume; by default, the cluster's default class"),
    controlPlane: z
      .boolean()
      .default(false)
      .describe("monitor etcd, the scheduler, the controller-manager and kube-proxy; works only if they run as pods"),
    kubeSystem: z
      .boolean()
      .default(true)
      .describe(
        "create Services in kube-system, through which Prometheus finds DNS and the kubelets; false: for clusters that forbid this, such as GKE Autopilot (CoreDNS is then not monitored)",
      ),
    grafanaNodePort: nodePort.optional().describe("port on each node that forwards to Grafana; by default, none"),
    nodeExporter: z
      .boolean()
      .default(true)
      .describe("install node-exporter for node metrics; needs a privileged namespace"),
    runbooks: z
      .string()
      .min(1)
      .default("docs/runbooks")
      .describe("URL or folder of the runbooks, to which alerts link"),
    selectorLabels: z
      .record(z.string(), z.string())
      .default({})
      .describe("existing: labels by which the cluster's Prometheus selects monitors and rules"),
    receivers: z.array(receiver).default([]).describe("alert receivers; their Secrets are in the monitoring namespace"),
    heartbeat: secretKey
      .optional()
      .describe(
        "Secret with the URL of a dead man's switch, which Alertmanager calls every minute as long as both Prometheus and Alertmanager work",
      ),
    disabledAlerts: z
      .array(z.string().regex(/^[A-Za-z]\w*$/, "the name of an alert"))
      .default([])
      .describe("alerts to leave out, whether this project's or the chart's"),
    objectives: z
      .strictObject({
        availability: z
          .number()
          .min(50)
          .max(99.999)
          .default(99.9)
          .describe("percentage of API requests that must not be answered with 5xx"),
        latency: z
          .strictObject({
            percent: z
              .number()
              .min(50)
              .max(99.999)
              .default(99)
              .describe(
                "percentage of API requests that must be answered within monitoring.objectives.latency.seconds",
              ),
            seconds: z
              .union([0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 2.5].map((s) => z.literal(s)))
              .default(0.25)
              .describe("latency limit of the objective, in seconds; one of the API's histogram buckets"),
          })
          .prefault({}),
      })
      .prefault({})
      .describe("service-level objectives of the API; alerts are based on their burn rates"),
  })
  .prefault({});
