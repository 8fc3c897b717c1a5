/** The bounds, speed and engine of each workload's autoscaling, and the load generator's settings. */
import { z } from "zod";
import { dnsName, imageName } from "./common";

/** Bounds and speed of one workload's autoscaling. */
const bounds = (d: { min: number; max: number; cpuTarget: number }) => ({
  min: z.number().int().min(1).max(1000).default(d.min).describe("minimum number of pods"),
  max: z.number().int().min(1).max(1000).default(d.max).describe("maximum number of pods"),
  cpuTarget: z
    .number()
    .int()
    .min(1)
    .max(100)
    .default(d.cpuTarget)
    .describe("target average CPU usage, as a percentage of the request"),
  scaleUpPercent: z
    .number()
    .int()
    .min(1)
    .max(1000)
    .default(100)
    .describe(
      "maximum scale-out per 15 s, as a percentage of the current pods (at least 2 pods, or 4 with the engine keda)",
    ),
  scaleDownWindowSeconds: z
    .number()
    .int()
    .min(30)
    .max(3600)
    .default(120)
    .describe(
      "seconds for which a lower recommendation must last before pods are removed; at least two metric " + "intervals",
    ),
});

/** Target value of a signal per pod, for engine keda and the fast scaler. */
const perPod = (fallback: number, description: string) =>
  z
    .number()
    .positive()
    .max(1_000_000)
    .nullable()
    .default(fallback)
    .describe(`keda, fast: target ${description}; null: ignored`);

function minUpToMax(s: { min: number; max: number }, ctx: z.RefinementCtx): void {
  if (s.min > s.max)
    ctx.addIssue({ code: "custom", path: ["min"], input: s.min, message: `must not be above max (${s.max})` });
}

export const scaling = z
  .strictObject({
    engine: z
      .enum(["hpa", "keda"])
      .default("hpa")
      .describe(
        "hpa: scales on CPU usage, from metrics-server; keda: also on the load that pods report, read at each decision",
      ),
    fast: z
      .boolean()
      .default(false)
      .describe(
        "true: a small controller also scales the API and the front, within seconds, on the load that it reads from their pods twice a second; requires engine hpa",
      ),
    node: z
      .strictObject({
        ...bounds({ min: 2, max: 10, cpuTarget: 60 }),
        requestsPerPod: perPod(100, "requests per second per pod"),
        inFlightPerPod: perPod(32, "requests in flight per pod"),
        eventLoopPercent: perPod(70, "event loop utilization per pod, percent").refine(
          (p) => p === null || p <= 100,
          "must be at most 100",
        ),
      })
      .prefault({})
      .superRefine(minUpToMax),
    react: z
      .strictObject({
        ...bounds({ min: 2, max: 6, cpuTarget: 60 }),
        requestsPerPod: perPod(400, "requests per second per pod"),
      })
      .prefault({})
      .superRefine(minUpToMax),
    replicas: z
      .strictObject({
        ...bounds({ min: 2, max: 6, cpuTarget: 60 }),
        commandsPerPod: perPod(1500, "commands per second per replica"),
        clientsPerPod: perPod(1000, "connections per replica, above scaling.node.max + 1"),
      })
      .prefault({})
      .superRefine(minUpToMax)
      .refine((s) => s.min >= 2, {
        path: ["min"],
        message: "must be at least 2, so that reads survive the loss of one replica",
      }),
    exporter: z
      .strictObject(bounds({ min: 1, max: 3, cpuTarget: 70 }))
      .prefault({})
      .superRefine(minUpToMax),
  })
  .prefault({});

export const keda = z
  .strictObject({
    mode: z
      .enum(["install", "existing"])
      .default("install")
      .describe("existing: the cluster has KEDA in namespaces.keda; used only if scaling.engine is keda"),
  })
  .prefault({});

export const metricsServer = z
  .strictObject({
    mode: z
      .enum(["install", "existing"])
      .default("install")
      .describe("existing: the cluster has a metrics-server already (most managed clusters, k3s)"),
    kubeletInsecureTls: z
      .boolean()
      .default(true)
      .describe(
        "true: accept the kubelets' self-signed certificates (kubeadm, kind); false: accept only " +
          "certificates of a trusted CA",
      ),
  })
  .prefault({});

export const load = z
  .strictObject({
    maxRate: z
      .number()
      .int()
      .min(1)
      .max(100_000)
      .default(2000)
      .describe("`npm run load`: maximum rate, in requests per second"),
    image: imageName.optional().describe("`npm run load`: k6 image to use in the cluster; by default, the pinned one"),
    namespace: dnsName.default("default").describe("`npm run load`: namespace of the load generator's pod"),
    k6: z.string().min(1).default("k6").describe("`npm run load -- --here`: k6 program to run"),
  })
  .prefault({});
