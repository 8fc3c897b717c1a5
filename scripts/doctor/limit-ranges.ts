/** LimitRanges in the application's namespace: what they reject, and what they add to our containers. */
import type { Config, ResourcesConfig } from "../../config";
import { mebibytes, millicores, parseQuantity } from "../../modules/kubernetes/quantity";
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

/** Resources of our containers, by configuration section. */
const sections = ({ node, react, redis }: Config): Readonly<Record<string, ResourcesConfig>> => ({
  "node.resources": node.resources,
  "react.resources": react.resources,
  "redis.main": redis.main,
  "redis.replica": redis.replica,
  "redis.exporter": redis.exporter,
  ...(redis.durability === "ha" ? { "redis.sentinel": redis.sentinel } : {}),
});

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

/** Resources of our pods: each pod has one container, except that main has a Sentinel next to it. */
function podSections(config: Config): Readonly<Record<string, ResourcesConfig>> {
  const { "redis.sentinel": sentinel, ...others } = sections(config);
  const main = config.redis.main;
  if (!sentinel) return others;
  const sum = (a: string, b: string) => parseQuantity(a) + parseQuantity(b);
  const cpuLimit = main.cpuLimit && sentinel.cpuLimit ? millicores(sum(main.cpuLimit, sentinel.cpuLimit)) : undefined;
  return {
    ...others,
    "redis.main": {
      cpu: millicores(sum(main.cpu, sentinel.cpu)),
      memory: mebibytes(sum(main.memory, sentinel.memory)),
      memoryLimit: mebibytes(sum(main.memoryLimit, sentinel.memoryLimit)),
      cpuLimit,
    },
  };
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
        Object.entries(item.type === "Pod" ? podSections(config) : sections(config)).flatMap(([section, r]) =>
          amountsOf(section, r).flatMap((amount) => refusal(item, amount, defaults) ?? []),
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
    const open = Object.entries(sections(config)).filter(([, r]) => r.cpuLimit === undefined);
    if (cpu !== undefined && open.length)
      notes.push(
        `${name} limits our containers to ${cpu} CPU, which slows them down under load: ${open.map(([s]) => `${s}.cpuLimit`).join(", ")} set another limit`,
      );
  }
  return notes.join("; ") || "none that refuses our pods";
}
