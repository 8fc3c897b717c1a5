import { replicaConf } from "../../../modules/redis/conf";
import { synthesize, testConfig, workload } from "../../helpers/layers";

describe("redis replicas", () => {
  const replica = workload(synthesize(), "redis-replicas");
  const conf = replicaConf(testConfig().redis);
  it("follow main, read-only, without a file, never promoted", () => {
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
  it("join side by side, not one after the other", () => {
    expect(replica["spec"].podManagementPolicy).toBe("Parallel");
  });
});
