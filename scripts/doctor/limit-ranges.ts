/** LimitRanges in the application's namespace: what they reject, and what they add to our containers. */
import type { Config, ResourcesConfig } from "../../config";
import { LISTED, workloadOf } from "../../catalog/workloads";
import { mebibytes, millicores, parseQuantity } from "../../modules/kubernetes/quantity";
import { configuredResources, containersOf } from "../../modules/kubernetes/sizing";
import { isOurs } from "../cluster/kube-object";
import type { Kube } from "../cluster/kubectl";
import { Failure } from "../terminal/ui";

type Amounts = Readonly<Record<string, string>>;
interface Item {
  readonly type: string;
  readonly min?: Amounts;
  readonly max?: Amounts;
  readonly default?: Amounts;
  readonly maxLimitRequestRatio?: Amounts;
}

interface Amount {
  readonly resource: "cpu" | "memory";
  readonly request: string;
  /** @default the LimitRange's */
  readonly limit?: string | undefined;
  readonly keys: readonly [request: string, limit: string];
}

const amountsOf = (section: string, r: ResourcesConfig): readonly Amount[] => [
  { resource: "cpu", request: r.cpu, limit: r.cpuLimit, keys: [`${section}.cpu`, `${section}.cpuLimit`] },
  {
    resource: "memory",
    request: r.memory,
    limit: r.memoryLimit,
    keys: [`${section}.memory`, `${section}.memoryLimit`],
  },
];

/** Total resources of each workload's pod, by the configuration key of its first container's resources. */
function podResources(config: Config): Readonly<Record<string, ResourcesConfig>> {
  const sum = (values: readonly string[], text: (amount: number) => string) =>
    text(values.reduce((total, value) => total + parseQuantity(value), 0));
  const pods = LISTED.flatMap((component): [string, ResourcesConfig][] => {
    const key = workloadOf(component).containers[0]!.resources;
    const all = containersOf(config, component).map(({ resources }) => resources);
    const limits = all.flatMap(({ cpuLimit }) => cpuLimit ?? []);
    const pod = {
      cpu: sum(
        all.map((r) => r.cpu),
        millicores,
      ),
      memory: sum(
        all.map((r) => r.memory),
        mebibytes,
      ),
      memoryLimit: sum(
        all.map((r) => r.memoryLimit),
        mebibytes,
      ),
      cpuLimit: limits.length === all.length ? sum(limits, millicores) : undefined,
    };
    return typeof key === "string" ? [[key, all.length === 1 ? all[0]! : pod]] : [];
  });
  return Object.fromEntries(pods);
}

/**
 * Why a LimitRange rejects a container or a pod; undefined if it does not. `defaults`: limits for containers without
 * one
 */
function refusal(item: Item, { resource, request, limit: own, keys }: Amount, defaults: Amounts): string | undefined {
  const least = item.min?.[resource];
  const most = item.max?.[resource];
  const ratio = item.maxLimitRequestRatio?.[resource];
  const limit = own ?? defaults[resource];
  const value = parseQuantity;
  if (least !== undefined && value(request) < value(least)) return `${keys[0]} is ${request}, below ${least}`;
  if (limit === undefined) return (most ?? ratio) ? `${keys[1]} is not set, but must be` : undefined;
  if (most !== undefined && value(limit) > value(most)) return `${keys[1]} is ${limit}, above ${most}`;
  if (value(request) > value(limit)) return `${keys[0]} is ${request}, above its limit ${limit}`;
  return ratio !== undefined && value(limit) / value(request) > value(ratio)
    ? `${keys[1]} ${limit} is more than ${ratio} times ${keys[0]} ${request}`
    : undefined;
}

/** @throws Failure that names the keys whose values a LimitRange rejects */
export async function checkLimitRanges(config: Config, kube: Kube): Promise<string> {
  const { app } = config.namespaces;
  const ranges = (await kube.visible("limitrange", "-n", app)).filter((range) => !isOurs(range));
  if (kube.forbidden.has(`limitrange in ${app}`)) return "unknown: this user may not list LimitRanges";
  const notes: string[] = [];
  const all = ranges.flatMap((range) => (range.spec?.["limits"] ?? []) as Item[]);
  // a maximum is also the default
  const defaults = Object.assign(
    {},
    ...all.filter((i) => i.type === "Container").map((i) => ({ ...i.max, ...i.default })),
  ) as Amounts;
  for (const range of ranges) {
    const items = (range.spec?.["limits"] ?? []) as Item[];
    const refused = items
      .filter(({ type }) => type === "Container" || type === "Pod")
      .flatMap((item) =>
        Object.entries(item.type === "Pod" ? podResources(config) : configuredResources(config)).flatMap(
          ([section, r]) => amountsOf(section, r).flatMap((amount) => refusal(item, amount, defaults) ?? []),
        ),
      );
    const volume = items.find(({ type }) => type === "PersistentVolumeClaim");
    const { storage } = config.redis;
    const [least, most] = [volume?.min?.["storage"], volume?.max?.["storage"]];
    if (most !== undefined && parseQuantity(storage) > parseQuantity(most))
      refused.push(`redis.storage is ${storage}, above ${most}`);
    if (least !== undefined && parseQuantity(storage) < parseQuantity(least))
      refused.push(`redis.storage is ${storage}, below ${least}`);
    const { name } = range.metadata;
    if (refused.length) {
      throw new Failure(
        `The LimitRange ${name} in namespace ${app} rejects our pods or volumes: ${[...new Set(refused)].join("; ")}.`,
        "Set these keys to values that it allows, or request another LimitRange.",
      );
    }
    const cpu = items.find(({ type, default: d }) => type === "Container" && d?.["cpu"])?.default?.["cpu"];
    const open = Object.entries(configuredResources(config)).filter(([, r]) => r.cpuLimit === undefined);
    if (cpu !== undefined && open.length)
      notes.push(
        `${name} limits our containers to ${cpu} CPU, which slows them down under load: ${open.map(([s]) => `${s}.cpuLimit`).join(", ")} set another limit`,
      );
  }
  return notes.join("; ") || "none that refuses our pods";
}
