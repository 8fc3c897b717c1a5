import { resources, synthesize, workload } from "../../helpers/layers";

/** Files of a ConfigMap that pods mount at /etc/redis. */
const mounted = (over: object, mode: "group" | "single"): Record<string, string> =>
  resources(synthesize(over), "kubernetes_config_map_v1").find(
    (r) => r.body["metadata"].name === `redis-${mode}-config`,
  )!.body["data"] as Record<string, string>;

it.each([
  ["one main", "single", {}],
  ["ha", "group", { redis: { durability: "ha" } }],
  ["TLS and backups", "single", { redis: { tls: { secret: "redis-tls" }, backup: { schedule: "@daily" } } }],
] as const)("with %s, every script that a mounted script sources or runs is mounted too", (_, mode, over) => {
  const files = mounted(over, mode);
  const used = Object.values(files).flatMap((text) =>
    // the certificate watcher is only started if its file exists
    [...text.matchAll(/^(?!.*\[ ! -f)\s*(?:\.|sh) \/etc\/redis\/([\w-]+\.sh)/gm)].map(([, name]) => name!),
  );
  expect(used).toContain("query.sh");
  expect(used.filter((name) => !(name in files))).toEqual([]);
});

describe("while redis.durability changes, a pod that has not been replaced yet", () => {
  const ha = { redis: { durability: "ha" } };
  const withoutAddresses = ({ main: _, pool: __, ...files }: Record<string, string>) => files;
  it("still finds the files of a single main, which waits for no copy", () => {
    const files = mounted(ha, "single");
    expect(withoutAddresses(files)).toEqual(withoutAddresses(mounted({ redis: { durability: "safe" } }, "single")));
    expect(files["main.conf"]).not.toContain("min-replicas");
    expect(files).toHaveProperty("main");
  });
  it("still finds the files of a member", () => {
    expect(withoutAddresses(mounted({}, "group"))).toEqual(withoutAddresses(mounted(ha, "group")));
  });
  it.each([
    ["single", {}],
    ["group", ha],
  ] as const)("mounts the files of its own mode (%s)", (mode, over) => {
    for (const name of ["redis-main", "redis-replicas"]) {
      const volumes = workload(synthesize(over), name)["spec"].template.spec.volumes as {
        name: string;
        configMap?: { name: string };
      }[];
      expect(volumes.find((v) => v.name === "config")!.configMap!.name).toContain(`redis-${mode}-config`);
    }
  });
});
