/**
 * What each layer tells the others: Terraform outputs, by the name under which they stand in its state.
 *
 * A layer can write and read only what is listed here, so a wrong name does not compile. The texts are the outputs'
 * descriptions; people and other tools read them with `terraform output`.
 */
export const OUTPUTS = {
  images: {
    node_image: "image of node, as nodes pull it",
    react_image: "image of react, as nodes pull it",
  },
  data: {
    namespace: "namespace of the application",
    redis_secret: "Secret with the password of each Redis user",
    redis_main_host: "Service of the Redis that takes writes",
    redis_sentinels: "who knows which Redis takes writes; empty where it is one",
    redis_replicas_host: "Service of the read-only Redis replicas",
    redis_replicas_headless_host: "Service that names each replica",
    redis_port: "port of every Redis",
    redis_exporter_host: "Service of the exporter",
    redis_exporter_port: "its port",
  },
  app: {
    namespace: "namespace of the application",
    node_service: "Service of the API",
    node_port: "its port",
    react_service: "Service of the page",
    react_port: "its port",
    exposure: "how the page is reached from outside",
  },
  observability: {
    mode: "install, existing or none",
    namespace: "namespace of the monitoring",
    prometheus_service: "Service of Prometheus, port 9090",
    alertmanager_service: "Service of Alertmanager, port 9093",
    grafana_service: "Service of Grafana, port 80",
    grafana_secret: "Secret with Grafana's login",
  },
} as const satisfies Readonly<Record<string, Readonly<Record<string, string>>>>;

export type LayerName = keyof typeof OUTPUTS;
/** Names of the outputs of layer `L`. */
export type OutputName<L extends LayerName> = keyof (typeof OUTPUTS)[L] & string;
/** Values of the outputs of layer `L`: literals, or Terraform expressions as cdktf's tokens. */
export type Outputs<L extends LayerName> = { readonly [O in OutputName<L>]: string | number };

/** Layers in the order of a deploy that does one after the other. */
export const LAYERS = ["images", "data", "app", "observability"] as const satisfies readonly LayerName[];

/** Which layers' outputs each layer reads. */
export const UPSTREAM = {
  images: [],
  data: [],
  app: ["images", "data"],
  observability: ["data", "app"],
} as const satisfies Readonly<Record<LayerName, readonly LayerName[]>>;
/** The layers whose outputs layer `L` may read. */
export type Upstream<L extends LayerName> = (typeof UPSTREAM)[L][number];
