/** Types of values that several sections share. */
import { z } from "zod";
import { quantityOrNaN } from "./sizes";

const QUANTITY = /^\d+(\.\d+)?(m|k|M|G|T|Ki|Mi|Gi|Ti)?$/;
export const quantity = z
  .string()
  .regex(QUANTITY, 'a Kubernetes quantity such as "100m", "256Mi" or "1Gi"')
  .describe("Kubernetes quantity");
export const dnsName = z
  .string()
  .regex(/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/, "lower-case letters, digits and dashes, at most 63 characters");
export const port = z.number().int().min(1024).max(65535);
export const nodePort = z.number().int().min(30000).max(32767);
export const imageName = z
  .string()
  .regex(/^\S+(:[\w.-]+|@sha256:[0-9a-f]{64})$/, "an image name with a tag or a digest");

/** The scheduler refuses a container that requests more than its limit. */
function requestsWithinLimits(
  r: { cpu: string; cpuLimit?: string | undefined; memory: string; memoryLimit: string },
  ctx: z.RefinementCtx,
): void {
  const pairs = [
    ["cpu", r.cpu, r.cpuLimit],
    ["memory", r.memory, r.memoryLimit],
  ] as const;
  for (const [key, request, limit] of pairs) {
    if (limit === undefined || !(quantityOrNaN(request) > quantityOrNaN(limit))) continue;
    const message = `must not be above ${key}Limit (${limit}), and is ${request}`;
    ctx.addIssue({ code: "custom", path: [key], input: request, message });
  }
}

export const resources = (d: { cpu: string; memory: string; memoryLimit: string; cpuLimit?: string }) =>
  z
    .strictObject({
      cpu: quantity
        .refine((q) => parseFloat(q) > 0, "must be above 0: autoscaling targets are percentages of it")
        .default(d.cpu)
        .describe("CPU request; autoscaling targets are percentages of it"),
      memory: quantity.default(d.memory).describe("memory request"),
      memoryLimit: quantity.default(d.memoryLimit).describe("memory limit"),
      cpuLimit: (d.cpuLimit === undefined ? quantity.optional() : quantity.optional().default(d.cpuLimit)).describe(
        d.cpuLimit === undefined
          ? "CPU limit; by default none, because throttling hides load from the autoscaler"
          : "CPU limit",
      ),
    })
    .prefault({})
    .superRefine(requestsWithinLimits);

export const secretKey = z.strictObject({
  name: dnsName.describe("name of a Secret"),
  key: z.string().min(1).describe("key in that Secret"),
});
