import { Construct } from "constructs";
import type { ComponentService } from "./component-service";
import type { Config } from "./config";
import { NODE_PORT } from "./names";
import { WebWorkload } from "./web-workload";

const SECRET_DIR = "/run/secrets/redis";

/** Where Redis is, as layer `data` wrote it. */
export interface RedisAddress {
  readonly mainHost: string;
  readonly replicasHost: string;
  readonly port: string;
  /** Secret with the key `password`. */
  readonly secretName: string;
}

export interface NodeApiProps {
  readonly namespace: string;
  readonly config: Config;
  readonly image: string;
  readonly redis: RedisAddress;
}

/** The key-value API: stateless, writes to main, reads from the replicas. */
export class NodeApi extends Construct {
  readonly service: ComponentService;

  constructor(scope: Construct, id: string, props: NodeApiProps) {
    super(scope, id);
    const { config, redis } = props;
    const settings = config.images.node;
    this.service = new WebWorkload(this, "web", {
      component: "node",
      namespace: props.namespace,
      config,
      image: props.image,
      settings,
      resources: config.node.resources,
      scaling: config.scaling.node,
      service: { port: NODE_PORT },
      env: [
        { name: "PORT", value: String(settings.port) },
        { name: "REDIS_MAIN_URL", value: `redis://${redis.mainHost}:${redis.port}` },
        { name: "REDIS_REPLICAS_URL", value: `redis://${redis.replicasHost}:${redis.port}` },
        { name: "REDIS_PASSWORD_FILE", value: `${SECRET_DIR}/password` },
        { name: "ALLOWED_ORIGINS", value: config.node.allowedOrigins.join(",") },
      ],
      volumes: [
        {
          name: "redis-auth",
          secret: {
            secretName: redis.secretName,
            defaultMode: 0o440,
            items: [{ key: "password", path: "password" }],
          },
        },
      ],
      mounts: [{ name: "redis-auth", mountPath: SECRET_DIR, readOnly: true }],
    }).service;
  }
}
