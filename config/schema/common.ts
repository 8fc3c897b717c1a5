/** Types of values that several sections share. */
import { z } from "zod";
import { quantityOrNaN } from "./sizes";

const QUANTITY = /^\d+(\.\d+)?(m|k|M|G|T|Ki|Mi|Gi|Ti)?$/;
export const quantity = z
  .string()
  .regex(QUANTITY, 'a Kubernetes quantity such as "100m", "256Mi" or "1Gi"')
  .describe("Kubernetes quantity");
/** Less than this is never meant, as with 64m (thousandths of a byte) instead of 64Mi; containers cannot start with it. */
const LEAST_BYTES = 4 * 2 ** 20;
/** Memory, or the size of a volume. */
export const bytes = quantity
  .refine((q) => !q.endsWith("m"), "must not have the suffix m, which stands for thousandths of a byte; use Mi")
  // NaN is not below; the pattern rejects it
  .refine((q) => q.endsWith("m") || !(quantityOrNaN(q) < LEAST_BYTES), "must be at least 4Mi");
const cores = quantity.refine((q) => !q.endsWith("i"), 'must be cores or millicores, such as "2" or "500m"');
export const dnsName = z
  .string()
  .regex(/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/, "lower-case letters, digits and dashes, at most 63 characters");
/** A host of an Ingress. */
export const hostName = z
  .string()
  .regex(
    /^(\*\.)?[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/,
    "a host name such as page.example.com, in lower case, without a scheme, a port or a path",
  );
export const port = z.number().int().min(1024).max(65535);
export const nodePort = z.number().int().min(30000).max(32767);
export const imageName = z
  .string()
  .regex(/^\S+(:[\w.-]+|@sha256:[0-9a-f]{64})$/, "an image name with a tag or a digest");

const METADATA_NAME = /^[A-Za-z0-9]([-\w.]{0,61}[A-Za-z0-9])?$/;
const METADATA_PREFIX = /^(?=.{1,253}$)[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
/** Keys that this project sets, or that kubectl needs. */
const OWN_METADATA = /^(iacproject\/|app\.kubernetes\.io\/(name|managed-by|part-of)$|kubectl\.kubernetes\.io\/)/;

const metadataKey = z
  .string()
  .refine((key) => {
    const [name, prefix, ...more] = key.split("/").reverse();
    return !more.length && METADATA_NAME.test(name!) && (prefix === undefined || METADATA_PREFIX.test(prefix));
  }, "a key such as example.com/name: a DNS name and a slash, both optional, then at most 63 letters, digits, dashes, dots and underscores")
  .refine((key) => !OWN_METADATA.test(key), "a different key, because this project or kubectl sets that one");

/** An object's annotations. Numbers are accepted too, because YAML reads `"60"` without its quotes as a number. */
export const annotations = z
  .record(metadataKey, z.union([z.string(), z.number(), z.boolean()]).transform(String))
  .default({});

/** An object's labels. */
export const extraLabels = z
  .record(
    metadataKey,
    z
      .string()
      .refine(
        (value) => value === "" || METADATA_NAME.test(value),
        "at most 63 letters, digits, dashes, dots and underscores, beginning and ending with a letter or digit",
      ),
  )
  .default({});

/** Kubernetes rejects a container that requests more than its limit. */
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
      cpu: cores
        .refine((q) => parseFloat(q) > 0, "must be above 0: autoscaling targets are percentages of it")
        .default(d.cpu)
        .describe("CPU request; autoscaling targets are percentages of it"),
      memory: bytes.default(d.memory).describe("memory request"),
      memoryLimit: bytes.default(d.memoryLimit).describe("memory limit"),
      cpuLimit: (d.cpuLimit === undefined ? cores.optional() : cores.optional().default(d.cpuLimit)).describe(
        d.cpuLimit === undefined
          ? "CPU limit; none by default, because throttling hides load from the autoscaler"
          : "CPU limit",
      ),
    })
    .prefault({})
    .superRefine(requestsWithinLimits);

export const secretKey = z.strictObject({
  name: dnsName.describe("name of a Secret"),
  key: z.string().min(1).describe("key in that Secret"),
});

/** A network, such as 10.0.0.0/24 or fd00::/64. */
export const cidr = z.union([z.cidrv4(), z.cidrv6()], "a network, such as 10.0.0.0/24");
