/** How far, how fast and by which engine each workload scales, and the load that shows it. */
import { z } from "zod";
import { dnsName, imageName } from "./common";

/** How far and how fast one part scales. */
const bounds = (d: { min: number; max: number; cpuTarget: number }) => ({
  min: z.number().int().min(1).max(1000).default(d.min).describe("fewest pods"),
  max: z.number().int().min(1).max(1000).default(d.max).describe("most pods"),
  cpuTarget: z
    .number()
    .int()
    .min(1)
    .max(100)
    .default(d.cpuTarget)
    .describe("average CPU wanted, percent of the request"),
  scaleUpPercent: z
    .number()
    .int()
    .min(1)
    .max(1000)
    .default(100)
    .describe("most growth per 15 s, percent of the pods there are (at least 2 pods, with engine keda 4)"),
  scaleDownWindowSeconds: z
    .number()
    .int()
    .min(30)
    .max(3600)
    .default(120)
    .describe("how long a lower wish must last before pods go; never below two metric ages"),
});

/** What a pod should have of something, for engine keda. */
const perPod = (fallback: number, description: string) =>
  z
    .number()
    .positive()
    .max(1_000_000)
    .nullable()
    .default(fallback)
    .describe(`keda: ${description}; null: does not count`);

function minUpToMax(s: { min: number; max: number }, ctx: z.RefinementCtx): void {
  if (s.min > s.max)
    ctx.addIssue({ code: "custom", path: ["min"], input: s.min, message: `must not be above max (${s.max})` });
}

export const scaling = z
  .strictObject({
    engine: z
      .enum(["hpa", "keda"])
      .default("hpa")
      .describe("hpa: CPU, by metrics-server; keda: what the pods tell of their load besides, read when it is needed"),
    node: z
      .strictObject({
        ...bounds({ min: 2, max: 10, cpuTarget: 60 }),
        requestsPerPod: perPod(100, "requests per second that a pod should get"),
        inFlightPerPod: perPod(32, "requests that a pod should have in work"),
        eventLoopPercent: perPod(70, "percent of the time that a pod's event loop should be busy").refine(
          (p) => p === null || p <= 100,
          "at most 100",
        ),
      })
      .prefault({})
      .superRefine(minUpToMax),
    react: z
      .strictObject({
        ...bounds({ min: 2, max: 6, cpuTarget: 60 }),
        requestsPerPod: perPod(400, "requests per second that a pod should get"),
      })
      .prefault({})
      .superRefine(minUpToMax),
    replicas: z
      .strictObject({
        ...bounds({ min: 2, max: 6, cpuTarget: 60 }),
        commandsPerPod: perPod(1500, "commands per second that a replica should get"),
        clientsPerPod: perPod(1000, "connections that a replica should hold; above scaling.node.max"),
      })
      .prefault({})
      .superRefine(minUpToMax)
      .refine((s) => s.min >= 2, {
        path: ["min"],
        message: "at least 2: reads must survive the loss of one replica",
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
      .describe("existing: the cluster has KEDA, in namespaces.keda; only with scaling.engine keda"),
  })
  .prefault({});

export const metricsServer = z
  .strictObject({
    mode: z
      .enum(["install", "existing"])
      .default("install")
      .describe("existing: the cluster has one already (most managed clusters, k3s)"),
    kubeletInsecureTls: z
      .boolean()
      .default(true)
      .describe("accept the kubelets' self-signed certificates (kubeadm, kind); false where they are signed"),
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
      .describe("npm run load: highest rate that it takes, requests per second"),
    image: imageName.optional().describe("npm run load: image of k6 in the cluster; by default the pinned one"),
    namespace: dnsName.default("default").describe("npm run load: namespace of its pod"),
    k6: z.string().min(1).default("k6").describe("npm run load -- --here: the program"),
  })
  .prefault({});
