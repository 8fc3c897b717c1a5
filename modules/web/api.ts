import { Construct } from "constructs";
import type { ComponentService } from "../kubernetes/service";
import type { Config } from "../../config";
import { CREDENTIALS_DIR, EndpointSliceAccess } from "../kubernetes/endpoint-slice-access";
import { GROUP_SIZE } from "../../catalog/workloads";
import { TLS_CA_FILE, TLS_MOUNT, TLS_NAME, tlsVolume } from "../redis/tls";
import type { RedisUserName } from "../redis/users";
import { signals } from "../autoscaling/signals";
import { WebWorkload } from "./web-workload";

const SECRET_DIR = "/run/secrets/redis";
/** Its users on main and on replicas. */
const [WRITER, READER]: readonly [RedisUserName, RedisUserName] = ["api-write", "api-read"];

/** Where Redis is, as layer `data` wrote it. */
export interface RedisAddress {
  /** Service of main. */
  readonly mainHost: string;
  /** `address:port` of each Sentinel, separated by commas; empty without a Sentinel group. */
  readonly sentinels: string;
  /** Service of the replicas. */
  readonly replicasHost: string;
  /** Headless Service with a record for each replica, Ready or not. */
  readonly replicasHeadlessHost: string;
  /** Port of every Redis instance. */
  readonly port: string;
  /** Name of the Secret with a password per user. */
  readonly secretName: string;
}

export interface ApiProps {
  /** Namespace that the objects are created in. */
  readonly namespace: string;
  /** The whole configuration. */
  readonly config: Config;
  /** Image reference, by digest or tag. */
  readonly image: string;
  /** Where Redis is, as layer `data` wrote it. */
  readonly redis: RedisAddress;
}

/** After SIGTERM the API serves callers that still come for at most this long, seconds. */
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
    // the trailing dot of a full name spares four look-ups in the search domains
    const headless = `${redis.replicasHeadlessHost}.${props.namespace}.svc.${config.dns.domain}.`;
    const endpointReader =
      discovery === "watch"
        ? new EndpointSliceAccess(this, "endpoint-reader", { component: "node", namespace: props.namespace })
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
              // main and one more of the pool have it on their disks
              { name: "REDIS_COMMIT_COPIES", value: "1" },
              { name: "REDIS_POOL_COPIES", value: String(GROUP_SIZE - 1) },
              // longer than a planned change of main takes, and most that are not planned
              { name: "REDIS_WRITE_PATIENCE_MS", value: "6000" },
            ]
          : [{ name: "REDIS_MAIN_URL", value: `redis://${redis.mainHost}:${redis.port}` }]),
        { name: "REDIS_REPLICAS_URL", value: `redis://${redis.replicasHost}:${redis.port}` },
        // each is used where the one before it does not answer
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
        { name: "CONNECTION_AGE_MS", value: String(connectionAgeSeconds * 1000) },
        { name: "DRAIN_MS", value: String(DRAIN_SECONDS * 1000) },
        { name: "REDIS_USER", value: WRITER },
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
