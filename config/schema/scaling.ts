/** The bounds, speed and engine of each workload's autoscaling, and the load generator's settings. */
import { z } from "zod";
import { dnsName, imageName } from "./common";

/** Defaults of one workload's autoscaling. */
interface Defaults {
  readonly min: number;
  readonly max: number;
  readonly cpuTarget: number;
  /**
   * Whether scaling.fast also scales this workload.
   * @default false
   */
  readonly fast?: true;
}

/** Bounds and speed of one workload's autoscaling. */
const bounds = (d: Defaults) => ({
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
      `maximum scale-out per 15 s, as a percentage of the current pods (at least 2 pods${d.fast ? ", 4 with engine keda, 8 with scaling.fast" : ", or 4 with engine keda"})`,
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

/** Target value of a signal per pod, and what uses it. */
const perPod = (fallback: number, description: string, usedBy = "keda, fast") =>
  z
    .number()
    .positive()
    .max(1_000_000)
    .nullable()
    .default(fallback)
    .describe(`${usedBy}: target ${description}; null: ignored`);

const sparePods = z
  .number()
  .int()
  .min(0)
  .max(100)
  .default(0)
  .describe(
    "fast: pods to run in addition to those that the load requires, up to max; they share the load, so they can handle more load at once",
  );

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
        ...bounds({ min: 2, max: 10, cpuTarget: 60, fast: true }),
        sparePods,
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
        ...bounds({ min: 2, max: 6, cpuTarget: 60, fast: true }),
        sparePods,
        requestsPerPod: perPod(400, "requests per second per pod"),
      })
      .prefault({})
      .superRefine(minUpToMax),
    replicas: z
      .strictObject({
        ...bounds({ min: 2, max: 6, cpuTarget: 60 }),
        commandsPerPod: perPod(1500, "commands per second per replica", "keda"),
        clientsPerPod: perPod(1000, "connections per replica, above scaling.node.max + 1", "keda"),
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
