/**
 * The Terraform outputs of each layer, by their names in its state, with their descriptions.
 *
 * A layer can write and read only what is listed here, so a wrong name does not compile. People and other tools read
 * outputs with `terraform output`.
 */
export const OUTPUTS = {
  images: {
    node_image: "image reference of the API, for the cluster's nodes",
    react_image: "image reference of the front, for the cluster's nodes",
    scaler_image: "image reference of the fast scaler, for the cluster's nodes; exists only with scaling.fast",
  },
  data: {
    namespace: "namespace of the application",
    redis_secret: "Secret with a password per Redis user",
    redis_main_host: "Service of main (primary), the Redis instance that takes writes",
    redis_sentinels: "addresses of the Sentinels, separated by commas; empty without durability ha",
    redis_replicas_host: "Service of the read-only Redis replicas",
    redis_replicas_headless_host: "headless Service with a DNS record for each replica",
    redis_port: "port of every Redis instance",
    redis_exporter_host: "Service of the exporter",
    redis_exporter_port: "port of the exporter",
  },
  app: {
    namespace: "namespace of the application",
    node_service: "Service of the API",
    node_port: "port of the API",
    react_service: "Service of the front",
    react_port: "port of the front",
    exposure: "how the front is exposed: ClusterIP, NodePort, LoadBalancer or Ingress",
  },
  observability: {
    mode: "how monitoring is set up: install, existing or none",
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
/** Values of layer `L`'s outputs: literals, or Terraform expressions in the form of cdktf tokens. */
export type Outputs<L extends LayerName> = { readonly [O in OutputName<L>]: string | number };

/** Layers, in the order of a sequential deployment. */
export const LAYERS = ["images", "data", "app", "observability"] as const satisfies readonly LayerName[];

/** The layers whose outputs each layer reads. */
export const UPSTREAM = {
  images: [],
  data: [],
  app: ["images", "data"],
  observability: ["data"],
} as const satisfies Readonly<Record<LayerName, readonly LayerName[]>>;
/** The layers whose outputs layer `L` may read. */
export type Upstream<L extends LayerName> = (typeof UPSTREAM)[L][number];
