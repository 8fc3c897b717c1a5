import { mainConf } from "../../../modules/redis/conf";
import { resources, synthesize, testConfig, workload } from "../../helpers/layers";

describe("redis main with durability ha", () => {
  const layers = synthesize({ redis: { durability: "ha" } });
  const main = workload(layers, "redis-main");
  const pod = main["spec"].template.spec;
  const container = (name: string) => pod.containers.find((c: { name: string }) => c.name === name);
  const map = resources(layers, "kubernetes_config_map_v1")
    .map((r) => r.body)
    .find((b) => b["metadata"].name === "redis-group-config")!;

  it("is three pods that never share a node, each with a Sentinel", () => {
    expect(main["spec"].replicas).toBe(3);
    const [apart] = pod.affinity.podAntiAffinity.requiredDuringSchedulingIgnoredDuringExecution;
    expect(apart.topologyKey).toBe("kubernetes.io/hostname");
    expect(apart.labelSelector.matchLabels["app.kubernetes.io/name"]).toBe("redis-main");
    expect(container("sentinel").ports[0].containerPort).toBe(26379);
  });
  it("fails over before it stops", () => {
    expect(container("redis").lifecycle.preStop.exec.command).toEqual(["sh", "/etc/redis/stop-member.sh"]);
  });
  it("has an address for each member, Ready or not, which all members know", () => {
    const services = resources(layers, "kubernetes_service_v1").map((r) => r.body);
    const addresses = [0, 1, 2].map((i) => {
      const member = services.find((s) => s["metadata"].name === `redis-main-${i}`)!;
      expect(member["spec"].publish_not_ready_addresses).toBe(true);
      expect(member["spec"].selector["statefulset.kubernetes.io/pod-name"]).toBe(`redis-main-${i}`);
      expect(member["spec"].cluster_ip).toBeUndefined();
      return `\${kubernetes_service_v1.main-pool_member-${i}_`;
    });
    for (const address of addresses) expect(map["data"].pool).toContain(address);
  });
  it("accepts no writes without another member that replicates them, and syncs each write to disk", () => {
    const conf = mainConf(testConfig({ redis: { durability: "ha" } }).redis);
    for (const line of ["appendfsync always", "min-replicas-to-write 1", "min-replicas-max-lag 3"])
      expect(conf).toContain(line);
    expect(mainConf(testConfig().redis)).not.toContain("min-replicas");
  });
  it("has read replicas that announce a name, so that Sentinel cannot promote them", () => {
    const replica = workload(layers, "redis-replicas")["spec"].template.spec.containers[0];
    expect(replica.command).toContain("$(POD).redis-replicas-headless");
    expect(map["data"]["sentinel.conf"]).toContain("sentinel resolve-hostnames no");
  });
  it("is found by the API through the Sentinels, with a second copy of each write", () => {
    const env = Object.fromEntries(
      workload(layers, "node")["spec"].template.spec.containers[0].env.map((e: { name: string; value: string }) => [
        e.name,
        e.value,
      ]),
    );
    expect(env["REDIS_MAIN_URL"]).toBeUndefined();
    expect(env["REDIS_SENTINELS"]).toContain("redis_sentinels");
    expect(env["REDIS_COMMIT_COPIES"]).toBe("1");
  });
});
