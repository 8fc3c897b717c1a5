import { redisAddresses } from "../../../modules/redis/exporter";
import { synthesize, workload } from "../../helpers/layers";

describe("the exporter", () => {
  it("has an address for each replica up to the maximum", () => {
    expect(redisAddresses(1, 3)).toEqual([
      "redis-main-0.redis-main-headless:6379",
      "redis-replicas-0.redis-replicas-headless:6379",
      "redis-replicas-1.redis-replicas-headless:6379",
      "redis-replicas-2.redis-replicas-headless:6379",
    ]);
    const exporter = workload(synthesize({ scaling: { replicas: { max: 9 } } }), "redis-exporter");
    expect(exporter["spec"].template.spec.initContainers[0].command).toContain(
      "redis-replicas-8.redis-replicas-headless:6379",
    );
  });
  it("has an address for each member of the Sentinel group", () => {
    expect(redisAddresses(3, 1)).toHaveLength(4);
    expect(
      workload(synthesize({ redis: { durability: "ha" } }), "redis-exporter")["spec"].template.spec.initContainers[0]
        .command,
    ).toContain("redis-main-2.redis-main-headless:6379");
  });
});
