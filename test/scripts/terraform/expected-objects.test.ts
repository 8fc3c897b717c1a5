/**
 * The objects that the layers describe can be found in a cluster without Terraform, and recognized as the project's.
 */
import {
  expectedObjects,
  expectedOutputs,
  NOTHING_KNOWN,
  outsideOf,
} from "../../../scripts/terraform/expected-objects";
import { kubernetesObject, type Stack } from "../../../scripts/terraform/render-manifests";
import { kindOf, idOf } from "../../../scripts/terraform/cluster-object";
import { LAYERS } from "../../../stacks/outputs";
import { resources, synthesize, type Json } from "../../helpers/layers";

const KNOWN = {
  images: { node_image: "registry/node@sha256:1", react_image: "registry/react@sha256:2" },
  addresses: Object.fromEntries([0, 1, 2].map((i) => [`redis-main-${i}`, `10.0.0.${i}`])),
};
const VARIANTS: Record<string, object> = {
  "the default": {},
  "ha with backups and a quota": {
    redis: { durability: "ha", backup: { schedule: "0 3 * * *" } },
    namespaces: { quota: true },
  },
  keda: { scaling: { engine: "keda" } },
  "one existing namespace": { namespaces: { create: false }, workloads: "helm", observability: "none" },
  "an existing Prometheus": { observability: "existing", metricsServer: { mode: "existing" } },
  "an Ingress": { exposure: { type: "Ingress", host: "keys.example" } },
};

describe.each(Object.entries(VARIANTS))("with %s", (_, overrides) => {
  let stacks: Record<string, Stack>;
  beforeAll(() => (stacks = synthesize(overrides) as Record<string, Stack>));

  it("every object's name and namespace are known before an apply", () => {
    const all = LAYERS.flatMap((layer) => expectedObjects(layer, stacks, NOTHING_KNOWN));
    expect(all.length).toBeGreaterThan(15);
    for (const object of all) expect(`${kindOf(object)} ${idOf(object)}`).not.toContain("${");
    // no two objects have the same name and namespace
    expect(new Set(all.map((o) => `${kindOf(o)} ${idOf(o)}`)).size).toBe(all.length);
  });
  it("every object has the label by which an adoption recognizes it", () => {
    for (const { type, body } of resources(stacks as Record<string, Json>)) {
      if (!type.startsWith("kubernetes_")) continue;
      const { metadata } = kubernetesObject(type, body) as { metadata: { labels?: object } };
      expect([type, metadata]).toEqual([
        type,
        expect.objectContaining({ labels: expect.objectContaining({ "app.kubernetes.io/part-of": "iacproject" }) }),
      ]);
    }
  });
  it("every manifest and Helm release is fully known once images and addresses are", () => {
    const all = LAYERS.flatMap((layer) => expectedObjects(layer, stacks, KNOWN));
    const whole = all.filter(({ type }) => ["kubernetes_manifest", "helm_release"].includes(type));
    expect(whole.filter(({ body }) => !body).map(({ address }) => address)).toEqual([]);
    expect(JSON.stringify(whole)).not.toContain("CLUSTER-IP-OF");
    expect(JSON.stringify(all)).not.toContain("ephemeral");
  });
  it("every output is known, so the next layer can be planned", () => {
    for (const layer of LAYERS)
      expect(Object.keys(expectedOutputs(layer, stacks, KNOWN))).toEqual(Object.keys(stacks[layer]!.output ?? {}));
  });
});

it("outputs have the values and types that an apply would write", () => {
  const stacks = synthesize({ redis: { durability: "ha" } }) as Record<string, Stack>;
  expect(expectedOutputs("data", stacks, KNOWN)).toMatchObject({
    namespace: { value: "iacproject", type: "string" },
    redis_port: { value: 6379, type: "number" },
    redis_sentinels: { value: "10.0.0.0:26379,10.0.0.1:26379,10.0.0.2:26379", type: "string" },
  });
  expect(expectedOutputs("images", stacks, KNOWN)["node_image"]).toEqual({
    value: "registry/node@sha256:1",
    type: "string",
  });
});

it("lists what a system has outside its own namespace", () => {
  expect(outsideOf("iacproject", synthesize() as Record<string, Stack>)).toEqual([
    "release kube-system/metrics-server",
    "release monitoring/kube-prometheus-stack",
    "namespace monitoring",
  ]);
  const alone = { observability: "none", metricsServer: { mode: "existing" } };
  expect(outsideOf("iacproject", synthesize(alone) as Record<string, Stack>)).toEqual([]);
});
