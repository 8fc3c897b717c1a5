/** Determines which objects in the cluster belong to the system: what an adoption takes over, and what it rejects. */
import { PART_OF } from "../../catalog/names";
import { isOurs, PART_LABEL } from "../cluster/kube-object";
import type { Kube, KubeObject } from "../cluster/kubectl";
import type { StateResource } from "../terraform/adopted-state";
import { kindOf, type Target } from "../terraform/cluster-object";
import type { ExpectedObject } from "../terraform/expected-objects";
import { KINDS } from "../terraform/render-manifests";
import { RunError } from "../terminal/run-program";
import { Failure } from "../terminal/ui";
import { DEPLOYMENT_RECORD, type DeploymentRecord } from "./deployment-record";
import { differences } from "./drift";

const BY = "app.kubernetes.io/managed-by";

/**
 * Kinds of objects that the layers write. The search for objects of ours that no layer describes covers these kinds.
 */
const WRITTEN: readonly Target[] = [
  ...Object.keys(KINDS).filter((type) => type !== "kubernetes_namespace_v1"),
  ...["apps/v1 Deployment", "apps/v1 StatefulSet", "batch/v1 CronJob"],
].map((text) => {
  const [apiVersion, kind] = text.split(" ");
  const target = { address: "", name: "" };
  return kind ? { ...target, type: "kubernetes_manifest", apiVersion: apiVersion!, kind } : { ...target, type: text };
});

export interface Found {
  readonly expected: ExpectedObject;
  readonly live: KubeObject;
}
interface Survey {
  readonly found: readonly Found[];
  /** Our objects in the application's namespace that this configuration does not describe. */
  readonly others: readonly KubeObject[];
}

const release = (name: string) => ["-l", `owner=helm,name=${name}`];

/** Looks for the expected objects. @throws Failure if this user may not read one of their kinds */
export async function survey(kube: Kube, expected: readonly ExpectedObject[]): Promise<Survey> {
  const { app } = kube.config.namespaces;
  const lists = new Map<string, Promise<KubeObject[]>>();
  const list = (kind: string, namespace?: string): Promise<KubeObject[]> => {
    const args = [kind, ...(namespace ? ["-n", namespace] : [])];
    const key = args.join(" ");
    if (!lists.has(key)) lists.set(key, readable(kube, args));
    return lists.get(key)!;
  };
  const found: Found[] = [];
  const names = new Set<string>();
  for (const object of expected) {
    const { type, name, namespace } = object;
    const [live] =
      type === "helm_release"
        ? // a list of one Secret, because a release has one for each revision
          (await readable(kube, ["secrets", "-n", namespace!, ...release(name)])).slice(-1)
        : (await list(kindOf(object), namespace)).filter((o) => o.metadata.name === name);
    names.add(`${kindOf(object)} ${namespace}/${name}`);
    if (live) found.push({ expected: object, live });
  }
  const others: KubeObject[] = [];
  for (const kind of WRITTEN.map(kindOf)) {
    const written = (await list(kind, app)).filter((o) => isOurs(o) && o.metadata.labels?.[BY] === "terraform");
    const isExpected = ({ metadata: { name } }: KubeObject) =>
      name === DEPLOYMENT_RECORD || names.has(`${kind} ${app}/${name}`);
    others.push(...written.filter((o) => !isExpected(o)));
  }
  return { found, others };
}

async function readable(kube: Kube, args: readonly string[]): Promise<KubeObject[]> {
  try {
    return await kube.list(...args);
  } catch (error) {
    if (!(error instanceof RunError && /forbidden/i.test(error.output))) throw error;
    throw new Failure(
      `This user may not list ${args[0]}${args.includes("-n") ? ` in ${args[args.indexOf("-n") + 1]}` : ""}, so their owner cannot be checked. Nothing was changed.`,
      "Adopt the system as a user who is allowed to list them.",
    );
  }
}

/** An object as a sentence names it. */
export const named = ({ expected, live }: Found): string => {
  const { type, name, namespace } = expected;
  const kind = type === "helm_release" ? "Helm release" : live.kind;
  return `${kind} ${namespace ? `${namespace}/` : ""}${name}`;
};

/**
 * Objects that have an expected name but do not belong to the system, each with the reason. Helm releases without a
 * record are checked by {@link strangeRelease}.
 */
export function strangers(
  app: string,
  found: readonly Found[],
  record: Partial<DeploymentRecord> | undefined,
): string[] {
  const outside = record?.outside?.split("\n");
  return found.flatMap((one) => {
    const { type, name, namespace } = one.expected;
    const isRelease = type === "helm_release";
    if (!isRelease && !isOurs(one.live)) return [`${named(one)} has no label ${PART_LABEL}=${PART_OF}`];
    const place = type === "kubernetes_namespace_v1" ? name : namespace;
    if (place === app || !outside) return [];
    const entry = isRelease ? `release ${namespace}/${name}` : `namespace ${place}`;
    // the record does not list an existing namespace that the system uses
    const isListed = outside.includes(entry) || (!isRelease && outside.some((o) => o.startsWith(`release ${place}/`)));
    return isListed ? [] : [`${named(one)} is not in the record of this system`];
  });
}

/** Whether an imported release was installed with this chart version and these values. */
export function isAsConfigured({ body }: ExpectedObject, imported: StateResource): boolean {
  const { values, version } = (imported.instances[0]?.attributes["metadata"] ?? {}) as Record<string, string>;
  if (body === undefined || (body["version"] !== undefined && body["version"] !== version)) return false;
  const [own] = (body["values"] ?? ["{}"]) as string[];
  return differences(JSON.parse(values ?? "{}"), JSON.parse(own ?? "{}")).length === 0;
}

/**
 * Why a release outside the application's namespace may belong to another system, if no record lists it: its values
 * differ, and other systems may use its namespace.
 */
export function strangeRelease(
  found: Found,
  imported: StateResource,
  ownNamespaces: ReadonlySet<string>,
): string | undefined {
  if (ownNamespaces.has(found.expected.namespace!) || isAsConfigured(found.expected, imported)) return undefined;
  return `${named(found)} has values that differ from this configuration, and the system has no record that lists it`;
}
