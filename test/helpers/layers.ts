/** Synthesizes the four layers from a configuration, without configuration files or environment variables. */
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import type { Construct } from "constructs";
import { parseConfig, type Config } from "../../config";
import { merge } from "../../config/merge";
import { buildApp } from "../../stacks";
import type { ResolvedImages } from "../../modules/images/resolve";
import { LAYERS, type LayerName } from "../../stacks/outputs";

export type Json = Record<string, any>; // eslint-disable-line @typescript-eslint/no-explicit-any -- synthesized JSON of any shape
export type Synthesized = Record<LayerName, Json>;

export const DIGEST = `sha256:${"ab".repeat(32)}`;

export const testConfig = (overrides: object = {}): Config =>
  parseConfig(merge({ cluster: { context: "test" } }, overrides), { home: "/home/someone", kubeconfigEnv: undefined });

/** Images to be built, with the registry in the given state; includes the fast scaler's image only if `fast` is set. */
export const builtImages = (
  state: "held" | "absent" | "unreachable" = "absent",
  tag = "0123456789abcdef",
  fast = false,
): ResolvedImages => {
  const inRegistry =
    state === "held"
      ? { state, digest: DIGEST }
      : state === "absent"
        ? { state }
        : { state, reason: "localhost:5000: ECONNREFUSED" };
  const image = (name: string) =>
    ({
      kind: "built",
      repository: `iacproject-${name}`,
      tag,
      context: `/src/${name}`,
      dockerfile: "Dockerfile",
      inRegistry,
    }) as const;
  return { node: image("node"), react: image("react"), ...(fast ? { scaler: image("scaler") } : {}) };
};

/** The layer `app`, constructed but not synthesized, as the scope for a construct under test. */
export function appLayer(): Construct {
  const outdir = fs.mkdtempSync(path.join(os.tmpdir(), "iacproject-test-"));
  return buildApp(testConfig(), builtImages(), { outdir }).node.findChild("app") as Construct;
}

export function synthesize(overrides: object = {}, images?: ResolvedImages): Synthesized {
  const outdir = fs.mkdtempSync(path.join(os.tmpdir(), "iacproject-test-"));
  try {
    const config = testConfig(overrides);
    buildApp(config, images ?? builtImages(undefined, undefined, config.scaling.fast), { outdir }).synth();
    return Object.fromEntries(
      LAYERS.map((layer) => [
        layer,
        JSON.parse(fs.readFileSync(path.join(outdir, "stacks", layer, "cdk.tf.json"), "utf8")) as Json,
      ]),
    ) as Synthesized;
  } finally {
    fs.rmSync(outdir, { recursive: true });
  }
}

export interface Resource {
  readonly layer: LayerName;
  readonly type: string;
  readonly id: string;
  readonly body: Json;
}

/** Every Terraform resource of the given layers. */
export const resources = (all: Partial<Synthesized>, type?: string): Resource[] =>
  Object.entries(all).flatMap(([layer, json]) =>
    Object.entries((json["resource"] ?? {}) as Record<string, Record<string, Json>>).flatMap(([t, byId]) =>
      type === undefined || t === type
        ? Object.entries(byId).map(([id, body]) => ({ layer: layer as LayerName, type: t, id, body }))
        : [],
    ),
  );

/** The Deployments and StatefulSets, as Kubernetes objects. */
export const workloads = (all: Partial<Synthesized>): Json[] =>
  resources(all, "kubernetes_manifest")
    .map((r) => r.body["manifest"] as Json)
    .filter((m) => ["Deployment", "StatefulSet"].includes(m["kind"] as string));

export const workload = (all: Partial<Synthesized>, name: string): Json => {
  const found = workloads(all).find((w) => w["metadata"].name === name);
  if (!found) throw new Error(`no workload ${name}`);
  return found;
};

/** Values of the monitoring chart. */
export const monitoringValues = (overrides: object = {}): Json =>
  JSON.parse(
    resources({ observability: synthesize(overrides).observability }, "helm_release")[0]!.body["values"][0],
  ) as Json;
