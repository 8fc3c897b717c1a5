import { resources, synthesize } from "../../helpers/layers";

/** Files of the ConfigMap that the pods mount at /etc/redis. */
const mounted = (over: object): Record<string, string> =>
  resources(synthesize(over), "kubernetes_config_map_v1").find((r) => r.body["metadata"].name === "redis-config")!.body[
    "data"
  ] as Record<string, string>;

it.each([
  ["one main", {}],
  ["ha", { redis: { durability: "ha" } }],
  ["TLS and backups", { redis: { tls: { secret: "redis-tls" }, backup: { schedule: "@daily" } } }],
])("with %s, every script that a mounted script sources or runs is mounted too", (_, over) => {
  const files = mounted(over);
  const used = Object.values(files).flatMap((text) =>
    // the certificate watcher is only started if its file exists
    [...text.matchAll(/^(?!.*\[ ! -f)\s*(?:\.|sh) \/etc\/redis\/([\w-]+\.sh)/gm)].map(([, name]) => name!),
  );
  expect(used).toContain("query.sh");
  expect(used.filter((name) => !(name in files))).toEqual([]);
});
