/** Every section of the configuration, in the order of the reference in docs/configuration.md. */
import { z } from "zod";
import { node, react } from "./api";
import { charts, cluster, exposure, namespaces, state } from "./cluster";
import { dns } from "./dns";
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
      "settings for a type of cluster: the name of a file in profiles/, or a path; config.yaml and variables override it",
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
      "how Deployments and StatefulSets are applied. apply: by server-side apply, which also detects manual changes but needs permission to list CRDs; helm: as one release each, which does not need that permission",
    ),
  networkPolicies: z
    .boolean()
    .default(true)
    .describe("create NetworkPolicies; false: for clusters that do not allow them"),
  dns,
});
