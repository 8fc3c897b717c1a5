import { replicaConf } from "../../../modules/redis/conf";
import { synthesize, testConfig, workload } from "../../helpers/layers";

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
  it("start in parallel", () => {
    expect(replica["spec"].podManagementPolicy).toBe("Parallel");
  });
});
