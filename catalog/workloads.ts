/**
 * One descriptor per workload. Services, autoscalers, monitors, the quota, the dashboards' selectors and
 * `npm run status` are derived from it; the connections between workloads are in modules/policies/flows.ts.
 */

/** Ports of the Services; containers of our own images may listen on other ports (`images.*.port`). */
export const REDIS_PORT = 6379;
export const SENTINEL_PORT = 26379;
export const EXPORTER_PORT = 9121;
export const API_PORT = 3000;
export const FRONT_PORT = 8080;
export const SCALER_PORT = 8080;

/** Number of members of the Sentinel group with `durability: ha`: if one node is lost, a majority remains. */
export const GROUP_SIZE = 3;

/** Bounds of a workload without configuration keys. */
export interface FixedBounds {
  /** Fewest pods. */
  readonly min: number;
  /** Most pods. */
  readonly max: number;
  /** Target for the average CPU usage, as a percentage of the request. */
  readonly cpuTarget: number;
}

/** Resources of a container for which there are no configuration keys, as Kubernetes quantities. */
export interface FixedResources {
  /** CPU request. */
  readonly cpu: string;
  /** Memory request. */
  readonly memory: string;
  /** Memory limit. */
  readonly memoryLimit: string;
  /**
   * CPU limit.
   * @default none, because throttling hides load from the autoscaler
   */
  readonly cpuLimit?: string;
}

export interface ContainerDescriptor {
  /** Name of the container in the pod. */
  readonly name: string;
  /** Configuration key of the container's resources, such as `redis.main`, or the resources themselves. */
  readonly resources: string | FixedResources;
  /**
   * Present only with `durability: ha`.
   * @default in every mode
   */
  readonly onlyHa?: true;
}

export interface WorkloadDescriptor {
  /** Name of the Deployment or StatefulSet, of its Service and of its autoscaler. */
  readonly name: string;
  /** Name on dashboards. */
  readonly title: string;
  /** Layer that creates it. */
  readonly layer: "data" | "app";
  /** Kind of the Kubernetes object that owns the pods. */
  readonly kind: "Deployment" | "StatefulSet";
  /** Name and number of the Service's port. */
  readonly port: { readonly name: string; readonly number: number };
  /** The containers, in the pod's order. */
  readonly containers: readonly ContainerDescriptor[];
  /**
   * Container that the autoscaler measures, and its bounds: a configuration key or the bounds themselves.
   * @default the workload does not scale
   */
  readonly scaling?: { readonly container: string; readonly bounds: string | FixedBounds };
  /**
   * Number of pods of a workload that does not scale, without (`alone`) and with `durability: ha`.
   * @default the workload scales
   */
  readonly fixedPods?: { readonly alone: number; readonly ha: number };
  /**
   * Number of pods that a rollout of a Deployment may add before it removes any, or a percentage of the pods.
   * @default a StatefulSet: its pods are replaced one at a time
   */
  readonly surge?: number | `${number}%`;
  /**
   * Configuration key that sets the size of each pod's volume.
   * @default no volume
   */
  readonly volume?: string;
  /**
   * How Prometheus scrapes it. `path`: from its own port; a configuration key whose value may be null, or a literal path
   * that starts with `/`. `exporter`: through redis_exporter.
   * @default not scraped
   */
  readonly metrics?: { readonly path: string } | "exporter";
  /**
   * Configuration key of the image's settings (`port`, probes, user).
   * @default a third-party image
   */
  readonly image?: string;
  /**
   * Configuration key that must be true for the workload to be deployed.
   * @default the workload is always deployed
   */
  readonly onlyWith?: string;
}

/** The workloads, by the value of their pods' label `app.kubernetes.io/name`. */
export const WORKLOADS = {
  "redis-main": {
    name: "redis-main",
    title: "Redis main",
    layer: "data",
    kind: "StatefulSet",
    port: { name: "redis", number: REDIS_PORT },
    containers: [
      { name: "redis", resources: "redis.main" },
      { name: "sentinel", resources: "redis.sentinel", onlyHa: true },
    ],
    fixedPods: { alone: 1, ha: GROUP_SIZE },
    volume: "redis.storage",
    metrics: "exporter",
  },
  "redis-replica": {
    name: "redis-replicas",
    title: "Redis replicas",
    layer: "data",
    kind: "StatefulSet",
    port: { name: "redis", number: REDIS_PORT },
    containers: [{ name: "redis", resources: "redis.replica" }],
    scaling: { container: "redis", bounds: "scaling.replicas" },
    metrics: "exporter",
  },
  "redis-exporter": {
    name: "redis-exporter",
    title: "Exporter",
    layer: "data",
    kind: "Deployment",
    port: { name: "metrics", number: EXPORTER_PORT },
    containers: [{ name: "exporter", resources: "redis.exporter" }],
    scaling: { container: "exporter", bounds: "scaling.exporter" },
    surge: 1,
    metrics: { path: "/metrics" },
  },
  node: {
    name: "node",
    title: "API",
    layer: "app",
    kind: "Deployment",
    port: { name: "http", number: API_PORT },
    containers: [{ name: "node", resources: "node.resources" }],
    scaling: { container: "node", bounds: "scaling.node" },
    surge: "25%",
    metrics: { path: "images.node.metricsPath" },
    image: "images.node",
  },
  react: {
    name: "react",
    title: "Front",
    layer: "app",
    kind: "Deployment",
    port: { name: "http", number: FRONT_PORT },
    containers: [{ name: "react", resources: "react.resources" }],
    scaling: { container: "react", bounds: "scaling.react" },
    surge: "25%",
    metrics: { path: "images.react.metricsPath" },
    image: "images.react",
  },
  scaler: {
    name: "scaler",
    title: "Fast scaler",
    layer: "app",
    kind: "Deployment",
    port: { name: "http", number: SCALER_PORT },
    // when it reads 10 pods, it uses 11 to 16 m CPU and 58 MiB: docs/decisions/0017-fast-scaler.md
    // the CPU limit never matters, but a quota can require one, and nothing scales this workload
    containers: [{ name: "scaler", resources: { cpu: "15m", cpuLimit: "500m", memory: "60Mi", memoryLimit: "96Mi" } }],
    fixedPods: { alone: 1, ha: 1 },
    surge: 1,
    metrics: { path: "images.scaler.metricsPath" },
    image: "images.scaler",
    onlyWith: "scaling.fast",
  },
} as const satisfies Readonly<Record<string, WorkloadDescriptor>>;

export type Component = keyof typeof WORKLOADS;
export const COMPONENTS = Object.keys(WORKLOADS) as Component[];

/** The descriptor of a component, typed with its optional fields. */
export const workloadOf = (component: Component): WorkloadDescriptor => WORKLOADS[component];

/** Scheduled jobs, which have pods only while they run. */
export const JOBS = ["redis-backup"] as const;
/** Everything of the project that has pods. */
export type ComponentOrJob = Component | (typeof JOBS)[number];

/** Name of the workload, its Service and its autoscaler. */
export const WORKLOAD_NAME = Object.fromEntries(COMPONENTS.map((c) => [c, WORKLOADS[c].name])) as {
  readonly [C in Component]: (typeof WORKLOADS)[C]["name"];
};

/** The components in the order in which dashboards and messages list them, with those of layer `app` first. */
export const LISTED = (["app", "data"] as const).flatMap((layer) =>
  COMPONENTS.filter((c) => workloadOf(c).layer === layer),
);
/** The workloads that scale, in the order of {@link LISTED}. */
export const SCALED = LISTED.filter((c) => workloadOf(c).scaling);
/** Names of the workloads that scale, and of their autoscalers. */
export const AUTOSCALED = COMPONENTS.filter((c) => workloadOf(c).scaling).map((c) => WORKLOAD_NAME[c]);
/** Name of a workload's headless Service, which has a DNS record for each pod. */
export const headlessName = (component: Component): string => `${WORKLOAD_NAME[component]}-headless`;
