import { Construct } from "constructs";
import { Autoscaler } from "../autoscaling/autoscaler";
import type { EnvVar } from "kubernetes-types/core/v1";
import type { Config } from "../../config";
import type { Keda } from "../autoscaling/keda";
import { ComponentService } from "../kubernetes/service";
import { DisruptionBudget } from "../kubernetes/disruption-budget";
import { REDIS_USER } from "../../catalog/names";
import { REDIS_PORT } from "../../catalog/workloads";
import { containerSecurity, FAST_EVICTION, podSpec, resourcesOf } from "../kubernetes/pod";
import type { RedisFiles } from "./files";
import { signals } from "../autoscaling/signals";
import { thirdPartyImage } from "../images/third-party-image";
import { Workload } from "../kubernetes/workload";

export interface RedisReplicasProps {
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

/**
 * The read replicas of main: autoscaled, without a volume, never promoted.
 *
 * A StatefulSet only because of its stable names: the exporter's passwords and every series in
 * Prometheus use them (docs/decisions/0002-replicas-statefulset.md).
 */
export class RedisReplicas extends Construct {
  readonly service: ComponentService;
  readonly headless: ComponentService;

  constructor(scope: Construct, id: string, props: RedisReplicasProps) {
    super(scope, id);
    const { namespace, config, files } = props;
    const { redis } = config;
    const common = { component: "redis-replica", namespace, port: REDIS_PORT, portName: "redis" } as const;
    this.service = new ComponentService(this, "service", common);
    this.headless = new ComponentService(this, "headless", { ...common, headless: true });
    new DisruptionBudget(this, "pdb", { component: "redis-replica", namespace });

    const env: EnvVar[] = [
      ...files.env,
      ...(redis.durability === "ha" ? [{ name: "POD", valueFrom: { fieldRef: { fieldPath: "metadata.name" } } }] : []),
    ];
    const workload = new Workload(this, "workload", {
      config,
      component: "redis-replica",
      namespace,
      kind: "StatefulSet",
      rollOn: files.hash,
      spec: {
        serviceName: this.headless.name,
        // new replicas start in parallel, not one after the other
        podManagementPolicy: "Parallel",
      },
      pod: {
        ...podSpec({
          component: "redis-replica",
          config,
          runAsUser: REDIS_USER,
          terminationGracePeriodSeconds: 30,
          volumes: [...files.serverVolumes, { name: "data", emptyDir: {} }],
          containers: [
            {
              name: "redis",
              image: thirdPartyImage(config, "redis"),
              command: files.command("replica"),
              ...(env.length ? { env } : {}),
              ports: [{ name: "redis", containerPort: REDIS_PORT, protocol: "TCP" }],
              resources: resourcesOf(redis.replica),
              securityContext: containerSecurity(),
              volumeMounts: [...files.serverMounts, { name: "data", mountPath: "/data" }],
              // leave the Service before stopping, so that reads in flight are answered
              lifecycle: { preStop: { exec: { command: ["sleep", "5"] } } },
              ...files.probes("replica", redis.staleSeconds),
            },
          ],
        }),
        // replicas have no data to lose on a failed node
        tolerations: FAST_EVICTION,
      },
    });
    new Autoscaler(this, "autoscaler", {
      component: "redis-replica",
      namespace,
      config,
      signals: signals(config, namespace).replicas,
      after: [workload, ...(props.keda ? [props.keda] : [])],
    });
  }
}
