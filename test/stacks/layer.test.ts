import { LAYERS, UPSTREAM, type LayerName } from "../../stacks/outputs";
import { resources, synthesize } from "../helpers/layers";

const all = synthesize();

/** Every reference to another layer's state, as `layer.output`. */
const references = (layer: LayerName): string[] => [
  ...new Set(
    [...JSON.stringify(all[layer]).matchAll(/terraform_remote_state\.(\w+)-state\.outputs\.(\w+)/g)].map(
      (m) => `${m[1]}.${m[2]}`,
    ),
  ),
];

it.each(LAYERS)("layer %s reads only existing outputs of its upstream layers", (layer) => {
  for (const reference of references(layer)) {
    const [upstream, output] = reference.split(".") as [LayerName, string];
    expect(UPSTREAM[layer]).toContain(upstream);
    expect(Object.keys(all[upstream]["output"])).toContain(output);
  }
});

it("layer app reads both images and Redis' address, and layer observability reads the exporter's address", () => {
  expect(references("app")).toEqual(
    expect.arrayContaining(["images.node_image", "images.react_image", "data.redis_main_host", "data.redis_secret"]),
  );
  expect(references("observability")).toEqual(expect.arrayContaining(["data.redis_exporter_host", "data.namespace"]));
});

it("no stack has an automatic cross-stack reference", () => {
  expect(JSON.stringify(all)).not.toContain("cross-stack");
});

describe("state", () => {
  const backend = (over: object, layer: LayerName = "app") => synthesize(over)[layer]["terraform"].backend;
  it("state is by default one file per layer outside cdktf.out, with an absolute path", () => {
    expect(backend({}).local.path).toMatch(/^\/.*\/\.state\/app\.tfstate$/);
  });
  it("state can be in the cluster, in one Secret per layer, from which other layers read the state", () => {
    const { app } = synthesize({ state: { backend: "kubernetes" } });
    expect(app["terraform"].backend).toEqual({
      kubernetes: expect.objectContaining({
        secret_suffix: "iacproject-app",
        namespace: "default",
        config_context: "test",
      }),
    });
    expect(app["data"].terraform_remote_state["images-state"]).toMatchObject({
      backend: "kubernetes",
      config: { secret_suffix: "iacproject-images" },
    });
  });
  it("can be in S3, where a run locks it, unless the store cannot do that", () => {
    const state = { backend: "s3", bucket: "states", region: "eu-west-1" };
    const { app } = synthesize({ state });
    expect(app["terraform"].backend.s3).toMatchObject({
      bucket: "states",
      key: "iacproject/app.tfstate",
      use_lockfile: true,
    });
    const unlocked = synthesize({ state: { ...state, lockfile: false } }).app;
    expect(unlocked["terraform"].backend.s3).not.toHaveProperty("use_lockfile");
    expect(app["data"].terraform_remote_state["data-state"].config.key).toBe("iacproject/data.tfstate");
  });
});

it("providers use the configured cluster", () => {
  for (const layer of ["data", "app", "observability"] as const) {
    expect(all[layer]["provider"].kubernetes[0]).toMatchObject({
      config_path: "/home/someone/.kube/config",
      config_context: "test",
    });
  }
  expect(all.app["provider"].helm[0].kubernetes).toEqual({
    config_path: "/home/someone/.kube/config",
    config_context: "test",
  });
});

it("layers that may have had Helm releases keep Helm's provider, because Terraform could not remove the releases without it", () => {
  const none = synthesize({ metricsServer: { mode: "existing" } });
  for (const layer of ["data", "app"] as const) expect(none[layer]["provider"].helm).toHaveLength(1);
});

it("without monitoring, its layer keeps every provider that it may have used, for the same reason", () => {
  for (const observability of ["none", "existing"]) {
    const { provider } = synthesize({ observability }).observability;
    for (const name of ["kubernetes", "helm", "random"]) expect(provider[name]).toHaveLength(1);
  }
});

it("names that other tools depend on are fixed", () => {
  const names = (type: string) => resources(all, type).map((r) => r.body["metadata"].name as string);
  expect(names("kubernetes_service_v1")).toEqual(
    expect.arrayContaining(["redis-main", "redis-replicas", "redis-exporter", "node", "react"]),
  );
  expect(names("kubernetes_horizontal_pod_autoscaler_v2").sort()).toEqual([
    "node",
    "react",
    "redis-exporter",
    "redis-replicas",
  ]);
});
