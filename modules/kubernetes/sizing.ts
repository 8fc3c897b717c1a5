/** Sizes, resources, ports and paths of the workloads in catalog/workloads.ts, for one configuration. */
import {
  COMPONENTS,
  LISTED,
  workloadOf,
  type Component,
  type ContainerDescriptor,
  type FixedBounds,
  type FixedResources,
} from "../../catalog/workloads";
import type { Config, ImageConfig, ResourcesConfig, ScalingConfig } from "../../config";

/** Scaling speed of workloads that have no configuration keys for it: the defaults of those that do. */
const DEFAULT_SPEED = { scaleUpPercent: 100, scaleDownWindowSeconds: 120 };

/**
 * The value at `key`, such as `redis.main`.
 * @throws if the configuration has no such key
 */
function valueAt(config: object, key: string): unknown {
  const value = key
    .split(".")
    .reduce<unknown>((at, name) => (at as Record<string, unknown> | undefined)?.[name], config);
  if (value === undefined)
    throw new Error(`catalog/workloads.ts refers to ${key}, which is not a configuration key: correct it there`);
  return value;
}

/** Whether this configuration deploys `component`. */
export function isDeployed(config: Pick<Config, "scaling">, component: Component): boolean {
  const { onlyWith } = workloadOf(component);
  return onlyWith === undefined || valueAt(config, onlyWith) === true;
}

/** The components that this configuration deploys. */
export const deployedComponents = (config: Pick<Config, "scaling">): readonly Component[] =>
  COMPONENTS.filter((component) => isDeployed(config, component));

const isHa = (config: Pick<Config, "redis">): boolean => config.redis.durability === "ha";

/**
 * Resources of the container named `container` of `component`, in this configuration.
 * @throws if it has no container with that name
 */
export function containerResources(config: Config, component: Component, container: string): ResourcesConfig {
  const found = containersOf(config, component).find((c) => c.name === container);
  if (!found) throw new Error(`${component} has no container ${container} in catalog/workloads.ts`);
  return found.resources;
}

/** The containers of one pod of `component`, with their resources. */
export const containersOf = (
  config: Config,
  component: Component,
): readonly { readonly name: string; readonly resources: ResourcesConfig }[] =>
  workloadOf(component)
    .containers.filter((c) => !c.onlyHa || isHa(config))
    .map((c) => ({ name: c.name, resources: resourcesAt(config, c.resources) }));

/** Resources of the containers whose resources a user can change, by configuration key, such as `redis.main`. */
export const configuredResources = (config: Config): Readonly<Record<string, ResourcesConfig>> =>
  Object.fromEntries(
    LISTED.flatMap((component) => workloadOf(component).containers)
      .filter((c: ContainerDescriptor) => !c.onlyHa || isHa(config))
      .flatMap(({ resources }) => (typeof resources === "string" ? [[resources, resourcesAt(config, resources)]] : [])),
  ) as Record<string, ResourcesConfig>;

const resourcesAt = (config: Config, resources: ContainerDescriptor["resources"]): ResourcesConfig =>
  typeof resources === "string"
    ? (valueAt(config, resources) as ResourcesConfig)
    : { cpuLimit: undefined, ...(resources satisfies FixedResources) };

/**
 * The container that the autoscaler of `component` measures, and its bounds.
 * @throws if `component` is not scalable
 */
export function scalingOf(config: Config, component: Component): { container: string; bounds: ScalingConfig } {
  const { scaling } = workloadOf(component);
  if (!scaling) throw new Error(`${component} does not scale: it has no minimum and maximum in catalog/workloads.ts`);
  return {
    container: scaling.container,
    bounds:
      typeof scaling.bounds === "string"
        ? (valueAt(config, scaling.bounds) as ScalingConfig)
        : { ...DEFAULT_SPEED, ...(scaling.bounds satisfies FixedBounds) },
  };
}

/**
 * Maximum number of pods of `component`, excluding those that a rollout adds.
 * @throws if `component` has neither a fixed size nor bounds
 */
export const maxPods = (config: Config, component: Component): number =>
  fixedPods(config, component) ?? scalingOf(config, component).bounds.max;

/**
 * Minimum number of pods of `component`.
 * @throws if `component` has neither a fixed size nor bounds
 */
export const minPods = (config: Config, component: Component): number =>
  fixedPods(config, component) ?? scalingOf(config, component).bounds.min;

function fixedPods(config: Config, component: Component): number | undefined {
  const fixed = workloadOf(component).fixedPods;
  return fixed && (isHa(config) ? fixed.ha : fixed.alone);
}

/** Number of pods that a rollout of `pods` pods adds at once, rounded up as in Kubernetes. */
export function surgePods(component: Component, pods: number): number {
  const { surge = 0 } = workloadOf(component);
  return typeof surge === "number" ? surge : Math.ceil((pods * parseInt(surge, 10)) / 100);
}

/** Size of the volume of each pod of `component`; undefined if its pods have none. */
export function volumeSize(config: Config, component: Component): string | undefined {
  const { volume } = workloadOf(component);
  return volume === undefined ? undefined : (valueAt(config, volume) as string);
}

/** Path under which `component` itself serves metrics; null if Prometheus does not scrape its pods. */
export function metricsPath(config: Pick<Config, "images">, component: Component): string | null {
  const { metrics } = workloadOf(component);
  if (metrics === undefined || metrics === "exporter") return null;
  return metrics.path.startsWith("/") ? metrics.path : (valueAt(config, metrics.path) as string | null);
}

/** Whether Prometheus scrapes the fast scaler; without its metrics, its alerts and panels would be wrong or empty. */
export const scrapesFastScaler = (config: Pick<Config, "images" | "scaling">): boolean =>
  isDeployed(config, "scaler") && metricsPath(config, "scaler") !== null;

/** Port that the container of `component` listens on. */
export function containerPort(config: Pick<Config, "images">, component: Component): number {
  const { image, port } = workloadOf(component);
  return image === undefined ? port.number : (valueAt(config, image) as ImageConfig).port;
}
