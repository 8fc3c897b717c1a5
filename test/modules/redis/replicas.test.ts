import { replicaConf } from "../../../modules/redis/conf";
import { resources, synthesize, testConfig, workload } from "../../helpers/layers";

describe("redis replicas", () => {
  const replica = workload(synthesize(), "redis-replicas");
  const conf = replicaConf(testConfig().redis);
  it("follow main, are read-only, persist nothing, and are never promoted", () => {
    for (const line of [
      "replicaof redis-main 6379",
      "replica-read-only yes",
      "replica-priority 0",
      "appendonly no",
      'save ""',
    ]) {
      expect(conf).toContain(line);
    }
  });
  it.each(["safe", "ha"])("read main's address from a file, so that they need no DNS (%s)", (durability) => {
    const { data } = synthesize({ redis: { durability } });
    const config = resources({ data }, "kubernetes_config_map_v1").find(
      (r) => r.body["metadata"].name === "redis-single-config",
    )!;
    const service = resources({ data }, "kubernetes_service_v1").find((r) => r.body["metadata"].name === "redis-main")!;
    expect(config.body["data"].main).toBe(`\${kubernetes_service_v1.${service.id}.spec[0].cluster_ip}\n`);
  });
  it("start in parallel", () => {
    expect(replica["spec"].podManagementPolicy).toBe("Parallel");
  });
});
