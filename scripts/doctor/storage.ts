/** The StorageClasses of our volumes: whether they exist, and whether their volumes can grow. */
import type { Config } from "../../config";
import type { Kube, KubeObject } from "../cluster/kubectl";
import { Failure } from "../terminal/ui";

interface StorageClass extends KubeObject {
  readonly allowVolumeExpansion?: boolean;
}

const isDefault = ({ metadata }: KubeObject): boolean =>
  metadata.annotations?.["storageclass.kubernetes.io/is-default-class"] === "true";

/** @throws Failure if the class of a volume does not exist */
export async function checkStorage(config: Config, kube: Kube): Promise<string> {
  const classes = (await kube.visible("storageclass")) as StorageClass[];
  if (kube.forbidden.has("storageclass"))
    return "unknown: this user may not list StorageClasses; to choose one, set redis.storageClass";
  const find = (key: string, wanted: string | undefined): StorageClass => {
    const found = classes.find((c) => (wanted ? c.metadata.name === wanted : isDefault(c)));
    if (found) return found;
    throw new Failure(
      wanted ? `there is no StorageClass ${wanted}` : "the cluster has no default StorageClass",
      classes.length
        ? `Set ${key} to one of: ${classes.map((c) => c.metadata.name).join(", ")}`
        : "The cluster has no StorageClass. Install a storage provisioner.",
    );
  };
  const main = find("redis.storageClass", config.redis.storageClass);
  const { monitoring } = config;
  if (config.observability === "install" && monitoring.storage !== null)
    find("monitoring.storageClass", monitoring.storageClass);
  return `StorageClass ${main.metadata.name}; ${
    main.allowVolumeExpansion
      ? "its volumes can grow"
      : "its volumes cannot grow later, so choose redis.storage large enough now"
  }`;
}
