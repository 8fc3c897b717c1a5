import { mainConf, replicaConf } from "../../modules/redis/conf";
import { redisAddresses } from "../../modules/redis/exporter";
import { redisUserNames } from "../../modules/redis/users";
import { type Json, resources, synthesize, testConfig, workload } from "../helpers/layers";

const { data } = synthesize();
const of = (type: string) => resources({ data }, type).map((r) => r.body);
const named = (type: string, name: string) => of(type).find((b) => b["metadata"].name === name)!;

describe("redis main", () => {
  const main = workload({ data }, "redis-main");
  it("is one pod of fixed size with a volume", () => {
    expect(main["kind"]).toBe("StatefulSet");
    expect(main["spec"].replicas).toBe(1);
    expect(main["spec"].volumeClaimTemplates[0].spec.resources.requests.storage).toBe("1Gi");
  });
  it("takes the storage class from the configuration, or leaves it to the cluster", () => {
    expect(main["spec"].volumeClaimTemplates[0].spec.storageClassName).toBeUndefined();
    const named = workload(synthesize({ redis: { storageClass: "fast" } }), "redis-main");
    expect(named["spec"].volumeClaimTemplates[0].spec.storageClassName).toBe("fast");
  });
  it("is reached as soon as it listens: there is no other one to send anybody to; with ha the Sentinels say who is main", () => {
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
});

describe("redis replicas", () => {
  const replica = workload({ data }, "redis-replicas");
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
  it("are known to the exporter up to their highest bound", () => {
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
});

it("the namespace enforces Pod Security restricted", () => {
  expect(of("kubernetes_namespace_v1")[0]!["metadata"].labels["pod-security.kubernetes.io/enforce"]).toBe("restricted");
});

it("a namespace that exists already is used and not made", () => {
  const { data: existing } = synthesize({ namespaces: { create: false } });
  expect(resources({ data: existing }, "kubernetes_namespace_v1")).toEqual([]);
  expect(existing["output"].namespace.value).toBe("iacproject");
});

describe("the passwords", () => {
  it("are ephemeral, one a user, and reach their Secret by a write-only attribute", () => {
    expect(data["ephemeral"].random_password.redis_users_api_read).toMatchObject({ length: 32 });
    const secret = named("kubernetes_secret_v1", "redis-users");
    expect(secret["data"]).toBeUndefined();
    expect(Object.keys(secret["data_wo"]).sort()).toEqual([...redisUserNames].sort());
    expect(new Set(Object.values(secret["data_wo"])).size).toBe(redisUserNames.length);
    expect(secret["data_wo"]["api-read"]).toBe("${ephemeral.random_password.redis_users_api_read.result}");
    expect(secret["data_wo_revision"]).toBe(1);
  });
  it("reach pods as files, the exporter's pod its own only, and no container by its environment", () => {
    const items: Record<string, unknown> = {};
    for (const name of ["redis-main", "redis-replicas", "redis-exporter"]) {
      const { spec } = workload({ data }, name)["spec"].template;
      const volume = spec.volumes.find((v: Json) => v["secret"]?.secretName.includes("redis-users"));
      items[name] = volume.secret.items;
      for (const c of [...spec.containers, ...(spec.initContainers ?? [])]) {
        expect(JSON.stringify(c.env ?? [])).not.toMatch(/secret|password|redis_users/i);
      }
    }
    const exporter = [{ key: "exporter", path: "exporter" }];
    // a server must know all of them
    expect(items).toEqual({ "redis-main": undefined, "redis-replicas": undefined, "redis-exporter": exporter });
  });
});

describe("network policies", () => {
  it("deny everything first", () => {
    expect(named("kubernetes_network_policy_v1", "default-deny")["spec"]).toEqual({
      pod_selector: {},
      policy_types: ["Ingress", "Egress"],
    });
  });
  it("let only the API, replicas and the exporter reach main", () => {
    const { ingress } = named("kubernetes_network_policy_v1", "redis-main")["spec"];
    const from = ingress.map(
      (rule: { from: { pod_selector: { match_labels: Record<string, string> } }[] }) =>
        rule.from[0]!.pod_selector.match_labels["app.kubernetes.io/name"],
    );
    expect(from.sort()).toEqual(["node", "redis-exporter", "redis-replica"]);
  });
  it("let main ask its replicas and DNS, and nobody else", () => {
    const { egress } = named("kubernetes_network_policy_v1", "redis-main")["spec"];
    const to = (egress as { to: Record<string, { match_labels: Record<string, string> }>[] }[]).map(({ to: [peer] }) =>
      Object.values(Object.values(peer!)[0]!.match_labels).join(" "),
    );
    expect(new Set(to)).toEqual(new Set(["redis-replica iacproject", "kube-system"]));
  });
  it("main may start empty only where a ConfigMap that need not be there allows it", () => {
    const { spec } = workload({ data }, "redis-main")["spec"].template;
    const volume = spec.volumes.find((v: { name: string }) => v.name === "start-empty");
    expect(volume.configMap).toEqual({ name: "redis-main-start-empty", optional: true });
  });
  it("open the page's port to anyone, and no other", () => {
    const open = of("kubernetes_network_policy_v1").flatMap((p) =>
      (p["spec"].ingress ?? [])
        .filter((rule: { from?: unknown[] }) => !rule.from?.length)
        .map(() => p["metadata"].name),
    );
    expect(open).toEqual(["react"]);
  });
  it("let the API ask the cluster's API, at its own addresses, and nobody else", () => {
    const policy = named("kubernetes_network_policy_v1", "node-kubernetes-api")["spec"];
    expect(policy.pod_selector.match_labels["app.kubernetes.io/name"]).toBe("node");
    expect(policy.policy_types).toEqual(["Egress"]);
    const { content, for_each } = policy.dynamic.egress;
    expect(content.to).toEqual([{ ip_block: { cidr: "${each.value}" } }]);
    expect(content.ports[0].port).toContain("object.ports[0].port");
    expect(for_each).toMatch(/^\$\{toset\(local\./);
    for (const discovery of ["dns", "address"]) {
      const { data } = synthesize({ node: { discovery } });
      const names = resources({ data }, "kubernetes_network_policy_v1").map((r) => r.body["metadata"].name as string);
      expect(names).not.toContain("node-kubernetes-api");
    }
  });
  it("know the API's and the page's container ports", () => {
    const { data: other } = synthesize({ images: { node: { port: 4000 } } });
    const react = resources({ data: other }, "kubernetes_network_policy_v1").find(
      (r) => r.body["metadata"].name === "react",
    )!;
    expect(react.body["spec"].egress[0].ports[0].port).toBe("4000");
  });
  it("can be left out on a cluster that does not grant them", () => {
    expect(resources({ data: synthesize({ networkPolicies: false }).data }, "kubernetes_network_policy_v1")).toEqual(
      [],
    );
  });
});

describe("redis main with durability ha", () => {
  const layers = synthesize({ redis: { durability: "ha" } });
  const main = workload(layers, "redis-main");
  const pod = main["spec"].template.spec;
  const container = (name: string) => pod.containers.find((c: { name: string }) => c.name === name);
  const map = resources(layers, "kubernetes_config_map_v1")
    .map((r) => r.body)
    .find((b) => b["metadata"].name === "redis-config")!;

  it("is three pods that never share a node, each with a Sentinel", () => {
    expect(main["spec"].replicas).toBe(3);
    const [apart] = pod.affinity.podAntiAffinity.requiredDuringSchedulingIgnoredDuringExecution;
    expect(apart.topologyKey).toBe("kubernetes.io/hostname");
    expect(apart.labelSelector.matchLabels["app.kubernetes.io/name"]).toBe("redis-main");
    expect(container("sentinel").ports[0].containerPort).toBe(26379);
  });
  it("hands over before it stops", () => {
    expect(container("redis").lifecycle.preStop.exec.command).toEqual(["sh", "/etc/redis/stop-member.sh"]);
  });
  it("has an address of its own for each member, Ready or not, which all of them know", () => {
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
  it("takes no writes where no other member follows, and syncs each to the disk", () => {
    const conf = mainConf(testConfig({ redis: { durability: "ha" } }).redis);
    for (const line of ["appendfsync always", "min-replicas-to-write 1", "min-replicas-max-lag 3"])
      expect(conf).toContain(line);
    expect(mainConf(testConfig().redis)).not.toContain("min-replicas");
  });
  it("has replicas for reads that announce a name: no Sentinel can promote them", () => {
    const replica = workload(layers, "redis-replicas")["spec"].template.spec.containers[0];
    expect(replica.command).toContain("$(POD).redis-replicas-headless");
    expect(map["data"]["sentinel.conf"]).toContain("sentinel resolve-hostnames no");
  });
  it("is asked for by the API through the Sentinels, with a second copy of each write", () => {
    const env = Object.fromEntries(
      workload(layers, "node")["spec"].template.spec.containers[0].env.map((e: { name: string; value: string }) => [
        e.name,
        e.value,
      ]),
    );
    expect(env["REDIS_MAIN_URL"]).toBeUndefined();
    expect(env["REDIS_SENTINELS"]).toContain("redis_sentinels");
    expect(env["REDIS_COMMIT_COPIES"]).toBe("1");
    expect(env["REDIS_POOL_COPIES"]).toBe("2");
  });
  it("is measured, member by member", () => {
    expect(redisAddresses(3, 1)).toHaveLength(4);
    expect(workload(layers, "redis-exporter")["spec"].template.spec.initContainers[0].command).toContain(
      "redis-main-2.redis-main-headless:6379",
    );
  });
});
