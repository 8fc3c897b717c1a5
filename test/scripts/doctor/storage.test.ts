import { checkStorage } from "../../../scripts/doctor/storage";
import { Kube } from "../../../scripts/cluster/kubectl";
import { testConfig } from "../../helpers/layers";
import { recorder } from "../../helpers/recorder";

const DEFAULT = { "storageclass.kubernetes.io/is-default-class": "true" };
const storageClass = (name: string, annotations: object = {}, allowVolumeExpansion?: boolean) => ({
  kind: "StorageClass",
  metadata: { name, annotations },
  ...(allowVolumeExpansion === undefined ? {} : { allowVolumeExpansion }),
});
const check = (overrides: object, ...items: object[]) => {
  const config = testConfig(overrides);
  return checkStorage(config, new Kube(config, recorder([[/get storageclass/, JSON.stringify({ items })]]).run));
};

describe("the StorageClass", () => {
  it("the StorageClass is the default or the configured one; the result states whether its volumes can grow", async () => {
    const classes = [storageClass("standard", DEFAULT, true), storageClass("local-path")];
    await expect(check({}, ...classes)).resolves.toBe("StorageClass standard; its volumes can grow");
    await expect(check({ redis: { storageClass: "local-path" } }, ...classes)).resolves.toMatch(
      /^StorageClass local-path; its volumes cannot grow later, so choose redis\.storage/,
    );
  });
  it("the default StorageClass is the newest one if there are several, as in Kubernetes; the others are named", async () => {
    const at = (day: number, [kind, name]: readonly [string, string], grows: boolean) => {
      const made = storageClass(name, { [`${kind}/is-default-class`]: "true" }, grows);
      return { ...made, metadata: { ...made.metadata, creationTimestamp: `2025-01-0${day}T00:00:00Z` } };
    };
    const classes = [
      at(1, ["storageclass.kubernetes.io", "gp2"], false),
      at(3, ["storageclass.beta.kubernetes.io", "gp3"], true),
      at(2, ["storageclass.kubernetes.io", "local"], false),
    ];
    await expect(check({}, ...classes)).resolves.toBe(
      "StorageClass gp3 (the newest default class; others are local, gp2: redis.storageClass chooses one); its volumes can grow",
    );
    await expect(check({ redis: { storageClass: "gp2" } }, ...classes)).resolves.toMatch(/^StorageClass gp2; /);
  });
  it("the StorageClass must exist; otherwise the error names the existing ones", async () => {
    await expect(check({}, storageClass("gp2"))).rejects.toMatchObject({
      message: "the cluster has no default StorageClass",
      next: "Set redis.storageClass to one of: gp2",
    });
    await expect(check({ redis: { storageClass: "gp3" } })).rejects.toMatchObject({
      message: "there is no StorageClass gp3",
      next: expect.stringContaining("Install a storage provisioner"),
    });
  });
  it("the StorageClass for Prometheus is also checked if Prometheus has a volume", async () => {
    const monitoring = { storage: "10Gi", storageClass: "fast" };
    await expect(check({ monitoring }, storageClass("a", DEFAULT))).rejects.toMatchObject({
      message: "there is no StorageClass fast",
      next: "Set monitoring.storageClass to one of: a",
    });
    await expect(check({ monitoring, observability: "none" }, storageClass("a", DEFAULT))).resolves.toBeDefined();
  });
});
