import { Construct } from "constructs";
import { Autoscaler } from "../autoscaling/autoscaler";
import type { Config } from "../../config";
import type { Keda } from "../autoscaling/keda";
import { ComponentService } from "../kubernetes/service";
import { DisruptionBudget } from "../kubernetes/disruption-budget";
import { maxPods } from "../kubernetes/sizing";
import { EXPORTER_PORT, REDIS_PORT, WORKLOAD_NAME } from "../../catalog/workloads";
import { containerSecurity, podSpec, resourcesOf } from "../kubernetes/pod";
import type { RedisFiles } from "./files";
import { hasTls, redisScheme, TLS_CA_FILE, TLS_MOUNT } from "./tls";
import { thirdPartyImage } from "../images/third-party-image";
import { Workload } from "../kubernetes/workload";

const PASSWORDS_DIR = "/run/exporter";

/** The exporter's user in Redis. */
const REDIS_ACL_USER = "exporter";

/** Numeric user of the exporter's image. */
const EXPORTER_UID = 59000;

export interface RedisExporterProps {
  /** Namespace that the objects are created in. */
  readonly namespace: string;
  /** The whole configuration. */
  readonly config: Config;
  /** The files that all Redis pods share. */
  readonly files: RedisFiles;
  /**
   * KEDA, if this layer installs it.
   * @default none
   */
  readonly keda?: Keda;
}

/** Addresses of all instances within the bounds, as Prometheus passes them to the exporter. */
export const redisAddresses = (mains: number, maxReplicas: number): string[] => {
  const pod = (workload: string, i: number) => `${workload}-${i}.${workload}-headless:${REDIS_PORT}`;
  return [
    ...Array.from({ length: mains }, (_, i) => pod(WORKLOAD_NAME["redis-main"], i)),
    ...Array.from({ length: maxReplicas }, (_, i) => pod(WORKLOAD_NAME["redis-replica"], i)),
  ];
};

/**
 * One exporter for all Redis instances: Prometheus passes the instance (`/scrape?target=…`),
 * so replicas need no sidecar.
 *
 * The exporter reads passwords from a map keyed by address. An init container writes the map from the
 * Secret's file to an in-memory volume, for every replica that the bounds allow.
 */
export class RedisExporter extends Construct {
  readonly service: ComponentService;

  constructor(scope: Construct, id: string, props: RedisExporterProps) {
    super(scope, id);
    const { namespace, config, files } = props;
    this.service = new ComponentService(this, "service", {
      component: "redis-exporter",
      namespace,
      port: EXPORTER_PORT,
      portName: "metrics",
    });
    new DisruptionBudget(this, "pdb", { component: "redis-exporter", namespace });

    const passwords = { name: "passwords", mountPath: PASSWORDS_DIR };
    const workload = new Workload(this, "workload", {
      config,
      component: "redis-exporter",
      namespace,
      kind: "Deployment",
      rollOn: files.hash,
      pod: {
        ...podSpec({
          component: "redis-exporter",
          config,
          runAsUser: EXPORTER_UID,
          terminationGracePeriodSeconds: 15,
          volumes: [
            ...files.volumesFor(REDIS_ACL_USER),
            { name: "passwords", emptyDir: { medium: "Memory", sizeLimit: "2Mi" } },
          ],
          containers: [
            {
              name: "exporter",
              image: thirdPartyImage(config, "redisExporter"),
              args: [
                "--redis.addr=",
                `--redis.user=${REDIS_ACL_USER}`,
                // CONFIG GET would reveal the replication password
                "--config-command=-",
                `--redis.password-file=${PASSWORDS_DIR}/passwords.json`,
                `--web.listen-address=0.0.0.0:${EXPORTER_PORT}`,
                "--connection-timeout=3s",
                ...(hasTls(config.redis) ? [`--tls-ca-cert-file=${TLS_CA_FILE}`] : []),
              ],
              ports: [{ name: "metrics", containerPort: EXPORTER_PORT, protocol: "TCP" }],
              resources: resourcesOf(config.redis.exporter),
              securityContext: containerSecurity(),
              volumeMounts: [{ ...passwords, readOnly: true }, ...(hasTls(config.redis) ? [TLS_MOUNT] : [])],
              // tolerant, because an exporter on a busy node is slow, not dead
              livenessProbe: {
                httpGet: { path: "/health", port: "metrics" },
                periodSeconds: 10,
                timeoutSeconds: 5,
                failureThreshold: 6,
              },
              readinessProbe: { httpGet: { path: "/health", port: "metrics" }, periodSeconds: 5, timeoutSeconds: 3 },
            },
          ],
        }),
        initContainers: [
          {
            name: "passwords",
            image: thirdPartyImage(config, "redis"),
            command: [
              "sh",
              files.script("exporter-passwords.sh"),
              `${PASSWORDS_DIR}/passwords.json`,
              redisScheme(config.redis),
              ...redisAddresses(maxPods(config, "redis-main"), config.scaling.replicas.max),
            ],
            resources: resourcesOf(config.redis.exporter),
            securityContext: containerSecurity(),
            volumeMounts: [...files.mounts, passwords],
          },
        ],
      },
    });
    new Autoscaler(this, "autoscaler", {
      component: "redis-exporter",
      namespace,
      config,
      after: [workload, ...(props.keda ? [props.keda] : [])],
    });
  }
}
