import { resources, synthesize, type Json } from "../../helpers/layers";
import { containersOf, faults } from "../../helpers/pods";

describe("backups by configuration", () => {
  const objects = (over: object = {}) =>
    resources(synthesize(over), "kubernetes_manifest").map((r) => r.body["manifest"] as Json);
  const scheduled = { redis: { backup: { schedule: "17 3 * * *", keep: 3 } } };
  const job = objects(scheduled).find((o) => o["kind"] === "CronJob");

  it("do not exist until a schedule is set", () => {
    expect(objects().some((o) => o["kind"] === "CronJob")).toBe(false);
    expect(resources(synthesize(), "kubernetes_persistent_volume_claim_v1")).toEqual([]);
  });
  it("run on the schedule, never concurrently, in a pod that satisfies Pod Security restricted", () => {
    expect(job!["spec"]).toMatchObject({ schedule: "17 3 * * *", timeZone: "Etc/UTC", concurrencyPolicy: "Forbid" });
    const pod = job!["spec"].jobTemplate.spec.template.spec;
    for (const container of containersOf(pod)) expect(faults(pod, container)).toEqual([]);
    expect(pod.containers[0].command.slice(-2)).toEqual(["redis-main", "3"]);
    const secret = pod.volumes.find((v: Json) => v["secret"]).secret;
    expect(secret.items).toEqual([{ key: "backup", path: "backup" }]);
  });
  it("for a bucket are made first, then uploaded by a container that has the bucket's keys and no Redis password", () => {
    const s3 = { endpoint: "https://s3.example:9000/", bucket: "keep", folder: "a/b", secret: "bucket-keys" };
    const over = { redis: { backup: { ...scheduled.redis.backup, s3 } } };
    const found = objects(over).find((o) => o["kind"] === "CronJob")!["spec"].jobTemplate.spec.template.spec;
    expect(found.initContainers.map((c: Json) => c["name"])).toEqual(["backup"]);
    const [upload] = found.containers;
    expect(upload.command.slice(-2)).toEqual(["https://s3.example:9000/keep/a/b", "us-east-1"]);
    for (const container of containersOf(found)) expect(faults(found, container)).toEqual([]);
    expect(resources(synthesize(over), "kubernetes_persistent_volume_claim_v1")).toEqual([]);
    const policy = resources(synthesize(over), "kubernetes_network_policy_v1").find(
      (r) => r.body["metadata"].name === "redis-backup",
    )!.body["spec"];
    expect(policy.egress).toContainEqual({ to: [], ports: [{ port: "9000", protocol: "TCP" }] });
  });
  it("are never deleted by a change of their volume's size or class: Terraform would replace the claim", () => {
    const [claim] = resources(synthesize(scheduled), "kubernetes_persistent_volume_claim_v1");
    expect(claim!.body["lifecycle"]).toEqual({ ignore_changes: ["spec"] });
  });
  it("are stored on a volume that is created after the quota", () => {
    const over = { ...scheduled, namespaces: { quota: true } };
    const [claim] = resources(synthesize(over), "kubernetes_persistent_volume_claim_v1");
    expect(JSON.stringify(claim!.body["depends_on"])).toContain("kubernetes_resource_quota_v1.");
  });
  it("for a bucket need its name and its keys", () => {
    const endpoint = "https://s3.example";
    expect(() => synthesize({ redis: { backup: { schedule: "@daily", s3: { endpoint } } } })).toThrow(
      "needs redis.backup.s3.bucket and redis.backup.s3.secret",
    );
  });
  it("may connect to main and DNS, and nothing else", () => {
    const policies = resources(synthesize(scheduled), "kubernetes_network_policy_v1").map((r) => r.body);
    const own = policies.find((p) => p["metadata"].name === "redis-backup")!["spec"];
    expect(own.ingress).toEqual([]);
    expect(own.egress.map((e: Json) => e["ports"][0].port).sort()).toEqual(["53", "53", "6379"]);
    expect(policies.filter((p) => p["metadata"].name === "redis-backup")).toHaveLength(1);
  });
  it.each(["every day", "61", "* * * *", "@sometimes"])("refuse %p as a schedule", (schedule) => {
    expect(() => synthesize({ redis: { backup: { schedule } } })).toThrow(/redis\.backup\.schedule/);
  });
});
