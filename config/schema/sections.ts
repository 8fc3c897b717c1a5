/** Every section of the configuration, in the order of the reference in docs/configuration.md. */
import { z } from "zod";
import { node, react } from "./api";
import { charts, cluster, dns, exposure, namespaces, state } from "./cluster";
import { images, registry } from "./images";
import { monitoring, observability } from "./monitoring";
import { redis } from "./redis";
import { keda, load, metricsServer, scaling } from "./scaling";

export const sections = z.strictObject({
  profile: z
    .string()
    .min(1)
    .optional()
    .describe(
      "settings for a kind of cluster: a file of profiles/ by its name, or a path; config.yaml and variables go over it",
    ),
  terraform: z.enum(["terraform", "tofu"]).default("terraform").describe("program that applies the layers"),
  cluster,
  state,
  registry,
  images,
  charts,
  namespaces,
  redis,
  node,
  react,
  scaling,
  keda,
  load,
  metricsServer,
  observability,
  monitoring,
  exposure,
  workloads: z
    .enum(["apply", "helm"])
    .default("apply")
    .describe(
      "how pods' owners are written. apply: by server-side apply, which also shows what was changed by hand; helm: a release each, for users who may not list CRDs, which apply has to",
    ),
  networkPolicies: z.boolean().default(true).describe("false: for clusters that do not grant them"),
  dns,
});
