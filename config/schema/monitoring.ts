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
  .describe("existing: monitors, rules and dashboards for a Prometheus and Grafana that are there; none: nothing");

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
      .describe("and at most how much"),
    storage: quantity.nullable().default(null).describe("Prometheus volume; null: node disk, lost with the pod"),
    storageClass: z.string().min(1).optional().describe("by default the cluster's default class"),
    controlPlane: z
      .boolean()
      .default(false)
      .describe("watch etcd, scheduler, controller-manager and kube-proxy; only where they run as pods"),
    grafanaNodePort: nodePort.optional().describe("a port of each node that leads to Grafana"),
    nodeExporter: z.boolean().default(true).describe("node metrics; needs a privileged namespace"),
    runbooks: z
      .string()
      .min(1)
      .default("docs/runbooks")
      .describe("address or folder of the runbooks, for the links in alerts"),
    selectorLabels: z
      .record(z.string(), z.string())
      .default({})
      .describe("existing: labels by which that Prometheus selects monitors and rules"),
    receivers: z.array(receiver).default([]).describe("where Alertmanager sends; Secrets in the monitoring namespace"),
    heartbeat: secretKey
      .optional()
      .describe(
        "Secret with the URL of a service that calls when it hears nothing: it is called every minute as long as Prometheus and Alertmanager work",
      ),
    disabledAlerts: z
      .array(z.string().regex(/^[A-Za-z]\w*$/, "an alert's name"))
      .default([])
      .describe("alerts that do not suit this cluster, ours or the chart's"),
    objectives: z
      .strictObject({
        availability: z
          .number()
          .min(50)
          .max(99.999)
          .default(99.9)
          .describe("share of requests to the API that must not be answered with 5xx, percent"),
        latency: z
          .strictObject({
            percent: z.number().min(50).max(99.999).default(99).describe("share that must be answered in time"),
            seconds: z
              .union([0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 2.5].map((s) => z.literal(s)))
              .default(0.25)
              .describe("in time; one of the API's histogram buckets"),
          })
          .prefault({}),
      })
      .prefault({})
      .describe("what the API owes its callers; alerts go by how fast the rest is used up"),
  })
  .prefault({});
