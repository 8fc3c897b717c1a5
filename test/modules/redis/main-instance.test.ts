import { mainConf } from "../../../modules/redis/conf";
import { resources, synthesize, testConfig, workload } from "../../helpers/layers";

describe("redis main", () => {
  const main = workload(synthesize(), "redis-main");
  it("is one pod of fixed size with a volume", () => {
    expect(main["kind"]).toBe("StatefulSet");
    expect(main["spec"].replicas).toBe(1);
    expect(main["spec"].volumeClaimTemplates[0].spec.resources.requests.storage).toBe("1Gi");
  });
  it("uses the configured storage class, or the cluster's default", () => {
    expect(main["spec"].volumeClaimTemplates[0].spec.storageClassName).toBeUndefined();
    const named = workload(synthesize({ redis: { storageClass: "fast" } }), "redis-main");
    expect(named["spec"].volumeClaimTemplates[0].spec.storageClassName).toBe("fast");
  });
  it("does not restart if its volume's size or class changes: the StatefulSet is recreated without its pods", () => {
    const template = (redis: object) => workload(synthesize({ redis }), "redis-main")["spec"].template as object;
    expect(template({ storage: "2Gi", storageClass: "fast" })).toEqual(template({}));
    expect(template({ maxMemory: "128mb" })).not.toEqual(template({}));
  });
  it("is reachable before it is Ready, because there is no other main; with ha Sentinel selects main", () => {
    const service = (layers: ReturnType<typeof synthesize>) =>
      resources(layers, "kubernetes_service_v1").find((r) => r.body["metadata"].name === "redis-main")!.body["spec"];
    expect(service(synthesize()).publish_not_ready_addresses).toBe(true);
    expect(service(synthesize({ redis: { durability: "ha" } })).publish_not_ready_addresses).toBeUndefined();
  });
  it.each([
    ["safe", "appendfsync always"],
    ["fast", "appendfsync everysec"],
  ])("keeps an append-only file; durability %s means %s", (durability, line) => {
    const conf = mainConf(testConfig({ redis: { durability } }).redis);
    expect(conf).toContain("appendonly yes");
    expect(conf).toContain(line);
  });
  it("may start empty only if an optional ConfigMap permits it", () => {
    const { spec } = main["spec"].template;
    const volume = spec.volumes.find((v: { name: string }) => v.name === "start-empty");
    expect(volume.configMap).toEqual({ name: "redis-main-start-empty", optional: true });
  });
});
