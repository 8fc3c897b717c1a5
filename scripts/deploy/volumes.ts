/**
 * Compares existing volumes with the sizes in the configuration. A volume can be enlarged if its storage class allows
 * it, but it can never be made smaller or change its class. Impossible changes are rejected before anything is changed.
 */
import { BACKUPS_CLAIM, PART_OF, selectorLabels, STACK_RELEASE } from "../../catalog/names";
import { parseQuantity, type Config } from "../../config";
import type { Kube, KubeObject } from "../cluster/kubectl";
import { RunError } from "../terminal/run-program";
import { Failure } from "../terminal/ui";
import { mainSet, type Change, type ClaimTemplate } from "./recreate-set";

/** A claim that gets a larger size. */
export interface Growth {
  /** The key that sets the size. */
  readonly key: string;
  readonly namespace: string;
  readonly name: string;
  readonly from: string;
  readonly to: string;
}
export interface VolumePlan {
  readonly growing: readonly Growth[];
  /** Change to main's volumeClaimTemplate. @default none, because it stays the same or there is no StatefulSet yet */
  readonly change?: Change;
  /** Size of main's smallest volume after the run. @default there is no system yet */
  readonly mainVolume?: string;
  /** Sentences about volumes that stay unchanged even though the configuration differs. */
  readonly warnings: readonly string[];
}

/** Volumes whose size is set by a key. */
interface VolumeKind {
  readonly key: "redis.storage" | "redis.backup.storage" | "monitoring.storage";
  readonly size: string;
  readonly storageClass: string | undefined;
  readonly namespace: string;
  /** Arguments for kubectl that select the claims. */
  readonly select: readonly string[];
}

const selector = (labels: Readonly<Record<string, string>>) =>
  Object.entries(labels)
    .map(([key, value]) => `${key}=${value}`)
    .join(",");

function volumeKinds({ redis, monitoring, namespaces, observability }: Config): VolumeKind[] {
  const ofRedis = { namespace: namespaces.app, storageClass: redis.storageClass };
  const { backup } = redis;
  return [
    { ...ofRedis, key: "redis.storage", size: redis.storage, select: ["-l", selector(selectorLabels("redis-main"))] },
    ...(backup.schedule === null || backup.s3.endpoint !== null
      ? []
      : [{ ...ofRedis, key: "redis.backup.storage" as const, size: backup.storage, select: [BACKUPS_CLAIM] }]),
    ...(observability !== "install" || monitoring.storage === null
      ? []
      : [
          {
            key: "monitoring.storage" as const,
            size: monitoring.storage,
            storageClass: monitoring.storageClass,
            namespace: namespaces.monitoring,
            // the operator's labels; the claims of a StatefulSet have the labels of its selector
            select: ["-l", `operator.prometheus.io/name=${STACK_RELEASE}-prometheus`],
          },
        ]),
  ];
}

const sizeOf = (claim: KubeObject): string =>
  (claim.spec as unknown as ClaimTemplate["spec"]).resources.requests.storage;
const classOf = (claim: KubeObject): string | undefined => claim.spec?.["storageClassName"] as string | undefined;
const isLess = (a: string, b: string) => parseQuantity(a) < parseQuantity(b);

const MOVE =
  'To move the data: npm run backup, npm run down, set the new value, npm run up, npm run restore (docs/upgrade.md, "Larger volumes").';

const smaller = (key: string, what: string, now: string, wanted: string) =>
  new Failure(
    `${key} is ${wanted}, but ${what} has ${now}, and a volume cannot be made smaller. Nothing was changed.`,
    `Set ${key} to ${now}. ${MOVE}`,
  );
const otherClass = (what: string, now: string | undefined, wanted: string | undefined) =>
  new Failure(
    `redis.storageClass is ${wanted ?? "not set"}, but ${what} has the storage class ${now ?? "(none)"}, which cannot change. Nothing was changed.`,
    `${now ? `Set redis.storageClass to ${now}` : "Remove redis.storageClass"}. ${MOVE}`,
  );

/** Arguments that enlarge a claim. */
export const enlargement = ({ namespace, name, to }: Growth): string[] => [
  ...["-n", namespace, "patch", "pvc", name, "--type=merge"],
  ...["-p", JSON.stringify({ spec: { resources: { requests: { storage: to } } } })],
];

/** Whether the error is about the quota of `namespaces.quota`, which the deployment itself raises. */
export const isOwnQuota = (error: RunError): boolean => error.output.includes(`exceeded quota: ${PART_OF},`);

/**
 * Why a claim cannot be enlarged; undefined if it can. The API server decides, even for users who may not read classes.
 */
async function whyFixed(kube: Kube, claim: KubeObject, growth: Growth): Promise<[string, string] | undefined> {
  const { namespace, name, key, from } = growth;
  if (claim.status?.phase !== "Bound")
    return [
      "it is not bound to a volume yet",
      `It holds no data: kubectl -n ${namespace} delete pvc ${name}, then run npm run up again`,
    ];
  try {
    await kube.raw([...enlargement(growth), "--dry-run=server"]);
    return undefined;
  } catch (error) {
    if (!(error instanceof RunError)) throw error;
    if (isOwnQuota(error)) return undefined;
    if (!/only dynamically provisioned pvc can be resized/i.test(error.output))
      return [error.message, `Set ${key} back to ${from} to deploy without it`];
    const lower = key === "redis.storage" ? "; lower redis.maxMemory if the data does not fit" : "";
    return [
      `its storage class ${classOf(claim) ?? "(none)"} does not allow expansion`,
      `Set ${key} back to ${from}${lower}. ${MOVE}`,
    ];
  }
}

/**
 * Determines what must be done to the volumes before the layers are deployed, without changing anything.
 * @param options `trial: false` skips the dry run that checks whether the claims can be enlarged, because it needs
 * permission to enlarge them
 * @throws Failure if a volume cannot be changed as the configuration requires
 */
export async function planVolumes(kube: Kube, { trial = true } = {}): Promise<VolumePlan> {
  const growing: Growth[] = [];
  const warnings: string[] = [];
  const { set, isHalfDone } = await mainSet(kube);
  const template = set?.spec.volumeClaimTemplates?.[0];
  const { storage, storageClass } = kube.config.redis;
  let change: Change | undefined;
  if (template) {
    const [size, used] = [template.spec.resources.requests.storage, template.spec.storageClassName];
    if (isLess(storage, size)) throw smaller("redis.storage", "the volume of main", size, storage);
    if (storageClass === undefined && used !== undefined) throw otherClass("the volume of main", used, storageClass);
    // a half-finished set may already have been created with another size
    if (isHalfDone || isLess(size, storage) || used !== storageClass) change = withSize(storage, storageClass);
  }
  let mainVolume: string | undefined;
  for (const kind of volumeKinds(kube.config)) {
    const isOurs = kind.key !== "monitoring.storage";
    for (const claim of await kube.visible("pvc", ...kind.select, "-n", kind.namespace)) {
      const { name } = claim.metadata;
      const from = sizeOf(claim);
      // Prometheus' operator does not change a claim, whatever the size and class in the template
      if (isOurs && kind.storageClass !== undefined && classOf(claim) !== kind.storageClass)
        throw otherClass(`the volume ${name}`, classOf(claim), kind.storageClass);
      // main's volume may have been enlarged manually; the size in the template counts
      if (kind.key === "redis.backup.storage" && isLess(kind.size, from))
        throw smaller(kind.key, `the volume ${name}`, from, kind.size);
      const grows = isLess(from, kind.size);
      if (kind.key === "redis.storage") {
        const size = grows ? kind.size : from;
        mainVolume = mainVolume === undefined || isLess(size, mainVolume) ? size : mainVolume;
      }
      // without a dry run, it is unknown whether Prometheus' claim stays unchanged
      if (!grows || (!isOurs && !trial)) continue;
      const growth: Growth = { key: kind.key, namespace: kind.namespace, name, from, to: kind.size };
      const reason = trial ? await whyFixed(kube, claim, growth) : undefined;
      if (!reason) growing.push(growth);
      else if (isOurs)
        throw new Failure(
          `${kind.key} is ${kind.size}, but the volume ${name} stays at ${from}: ${reason[0]}. Nothing was changed.`,
          `${reason[1].replace(/\.?$/, "")}.`,
        );
      else warnings.push(`${kind.key} is ${kind.size}, but the volume ${name} stays at ${from}: ${reason[0]}`);
    }
  }
  const { app } = kube.config.namespaces;
  if (change && kube.forbidden.has(`pvc in ${app}`))
    throw new Failure(
      `This user may not list persistentvolumeclaims in ${app}, so redis.storage cannot be changed. Nothing was changed.`,
      `Set redis.storage to ${template!.spec.resources.requests.storage}, or run npm run up as a user who is allowed to list them.`,
    );
  // the set's claims were deleted, or this user may not list them
  mainVolume ??= template && storage;
  return { growing, warnings, ...(change ? { change } : {}), ...(mainVolume === undefined ? {} : { mainVolume }) };
}

/** Changes size and class of a template. */
const withSize =
  (storage: string, storageClassName: string | undefined): Change =>
  (template) => {
    const { resources } = template.spec;
    const same = parseQuantity(resources.requests.storage) === parseQuantity(storage);
    return {
      ...template,
      spec: {
        ...template.spec,
        ...(storageClassName === undefined ? {} : { storageClassName }),
        resources: { ...resources, requests: { storage: same ? resources.requests.storage : storage } },
      },
    };
  };
