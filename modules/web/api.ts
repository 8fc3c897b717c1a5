import { Construct } from "constructs";
import type { ComponentService } from "../kubernetes/service";
import type { Config } from "../../config";
import { CREDENTIALS_DIR, KubernetesApiAccess } from "../kubernetes/kubernetes-api-access";
import { TLS_CA_FILE, TLS_MOUNT, TLS_NAME, tlsVolume } from "../redis/tls";
import { GROUP_WRITER, type RedisUserName } from "../redis/users";
import { signals } from "../autoscaling/signals";
import { bodiesPerApiPod } from "./body-slots";
import { WebWorkload } from "./web-workload";

const SECRET_DIR = "/run/secrets/redis";
/** The API's Redis users, on main and on replicas. */
const [WRITER, READER]: readonly [RedisUserName, RedisUserName] = ["api-write", "api-read"];

/** Addresses of Redis, from the outputs of layer `data`. */
export interface RedisAddress {
  /** Service of main. */
  readonly mainHost: string;
  /** `address:port` of each Sentinel, separated by commas; empty without a Sentinel group. */
  readonly sentinels: string;
  /** Service of the replicas. */
  readonly replicasHost: string;
  /** Headless Service with a DNS record for each replica, Ready or not. */
  readonly replicasHeadlessHost: string;
  /** Port of every Redis instance. */
  readonly port: string;
  /** Name of the Secret with one password per user. */
  readonly secretName: string;
}

export interface ApiProps {
  /** Namespace that the objects are created in. */
  readonly namespace: string;
  /** The whole configuration. */
  readonly config: Config;
  /** Image reference, by digest or tag. */
  readonly image: string;
  /** Addresses of Redis, from the outputs of layer `data`. */
  readonly redis: RedisAddress;
}

/** Maximum time for which the API serves new requests after SIGTERM, in seconds. */
const DRAIN_SECONDS = 5;

/** The key-value API: stateless, writes to main, reads from the replicas. */
export class Api extends Construct {
  readonly service: ComponentService;

  constructor(scope: Construct, id: string, props: ApiProps) {
    super(scope, id);
    const { config, redis } = props;
    const settings = config.images.node;
    const tls = config.redis.tls.secret;
    const { discovery, maxLagSeconds, maxInFlight, connectionAgeSeconds } = config.node;
    // the trailing dot marks a fully qualified name, which saves four lookups in the search domains
    const headless = `${redis.replicasHeadlessHost}.${props.namespace}.svc.${config.dns.domain}.`;
    const endpointReader =
      discovery === "watch"
        ? new KubernetesApiAccess(this, "endpoint-reader", {
            component: "node",
            namespace: props.namespace,
            rules: [{ apiGroups: ["discovery.k8s.io"], resources: ["endpointslices"], verbs: ["list", "watch"] }],
          })
        : undefined;
    this.service = new WebWorkload(this, "web", {
      component: "node",
      namespace: props.namespace,
      config,
      image: props.image,
      settings,
      signals: signals(config, props.namespace).node,
      env: [
        { name: "PORT", value: String(settings.port) },
        ...(config.redis.durability === "ha"
          ? [
              { name: "REDIS_SENTINELS", value: redis.sentinels },
              // a write is acknowledged once main and one other member have it on disk
              { name: "REDIS_COMMIT_COPIES", value: "1" },
              // longer than a planned failover, and than most unplanned ones
              { name: "REDIS_WRITE_PATIENCE_MS", value: "6000" },
            ]
          : [{ name: "REDIS_MAIN_URL", value: `redis://${redis.mainHost}:${redis.port}` }]),
        { name: "REDIS_REPLICAS_URL", value: `redis://${redis.replicasHost}:${redis.port}` },
        // each of these settings is a fallback for the one before it
        ...(endpointReader
          ? [
              { name: "REDIS_REPLICAS_WATCH", value: `${props.namespace}/${redis.replicasHost}` },
              { name: "KUBERNETES_CREDENTIALS_DIR", value: CREDENTIALS_DIR },
            ]
          : []),
        ...(discovery === "address"
          ? []
          : [{ name: "REDIS_REPLICAS_DNS", value: `redis://${headless}:${redis.port}` }]),
        ...(tls === null
          ? []
          : [
              { name: "REDIS_TLS_CA_FILE", value: TLS_CA_FILE },
              { name: "REDIS_TLS_NAME", value: TLS_NAME },
            ]),
        { name: "REDIS_MAX_LAG_MS", value: String(maxLagSeconds * 1000) },
        { name: "REDIS_MAX_STALE_SECONDS", value: String(config.redis.staleSeconds) },
        { name: "MAX_IN_FLIGHT", value: String(maxInFlight) },
        { name: "MAX_BODIES_ARRIVING", value: String(bodiesPerApiPod(config)) },
        { name: "CONNECTION_AGE_MS", value: String(connectionAgeSeconds * 1000) },
        { name: "DRAIN_MS", value: String(DRAIN_SECONDS * 1000) },
        { name: "REDIS_USER", value: config.redis.durability === "ha" ? GROUP_WRITER : WRITER },
        { name: "REDIS_PASSWORD_FILE", value: `${SECRET_DIR}/${WRITER}` },
        { name: "REDIS_READ_USER", value: READER },
        { name: "REDIS_READ_PASSWORD_FILE", value: `${SECRET_DIR}/${READER}` },
        { name: "ALLOWED_ORIGINS", value: config.node.allowedOrigins.join(",") },
      ],
      volumes: [
        {
          name: "redis-users",
          secret: {
            secretName: redis.secretName,
            defaultMode: 0o440,
            items: [WRITER, READER].map((user) => ({ key: user, path: user })),
          },
        },
        ...(tls === null ? [] : [tlsVolume(tls, "caller")]),
        ...(endpointReader?.volumes ?? []),
      ],
      mounts: [
        { name: "redis-users", mountPath: SECRET_DIR, readOnly: true },
        ...(tls === null ? [] : [TLS_MOUNT]),
        ...(endpointReader?.mounts ?? []),
      ],
      ...(endpointReader ? { serviceAccountName: endpointReader.serviceAccountName } : {}),
    }).service;
  }
}
