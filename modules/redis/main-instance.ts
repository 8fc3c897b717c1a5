import { Construct } from "constructs";
import type { Container, PodSpec } from "kubernetes-types/core/v1";
import type { Config } from "../../config";
import { ComponentService } from "../kubernetes/service";
import { DisruptionBudget } from "../kubernetes/disruption-budget";
import { maxPods } from "../kubernetes/sizing";
import { REDIS_USER, selectorLabels } from "../../catalog/names";
import { REDIS_PORT, SENTINEL_PORT } from "../../catalog/workloads";
import { containerSecurity, podSpec, resourcesOf } from "../kubernetes/pod";
import type { RedisFiles } from "./files";
import { SizeCheck } from "./size-check";
import { thirdPartyImage } from "../images/third-party-image";
import { Workload } from "../kubernetes/workload";

export interface MainInstanceProps {
  /** Namespace that the objects are created in. */
  readonly namespace: string;
  /** The whole configuration. */
  readonly config: Config;
  /** The files that all Redis pods share. */
  readonly files: RedisFiles;
}

/**
 * Main (primary), the Redis instance that takes writes: a StatefulSet of a fixed size with a volume.
 *
 * The volume outlives the pod and the StatefulSet, and is deleted with the namespace. With an empty volume main
 * does not start while a replica holds data (scripts/start-main.sh). A larger `redis.storage` needs `npm run up`, which
 * recreates the StatefulSet without its pods: no update can change its claim templates (scripts/deploy/recreate-set.ts).
 */
export class MainInstance extends Construct {
  readonly service: ComponentService;

  constructor(scope: Construct, id: string, props: MainInstanceProps) {
    super(scope, id);
    const { namespace, config, files } = props;
    const { redis } = config;
    const common = { component: "redis-main", namespace, port: REDIS_PORT, portName: "redis" } as const;
    const ha = redis.durability === "ha";
    new SizeCheck(this, "sizes", { redis });
    // a single main has no alternative, so clients reach it as soon as it listens, without waiting for a probe and a route
    this.service = new ComponentService(this, "service", { ...common, publishNotReady: !ha });
    const headless = new ComponentService(this, "headless", { ...common, headless: true });
    new DisruptionBudget(this, "pdb", { component: "redis-main", namespace });

    const identity = [
      ...files.env,
      { name: "NAMESPACE", value: namespace },
      { name: "POD", valueFrom: { fieldRef: { fieldPath: "metadata.name" } } },
    ];
    const sentinelProbe = { tcpSocket: { port: "sentinel" } };
    const sentinel: Container = {
      name: "sentinel",
      image: thirdPartyImage(config, "redis"),
      command: ["sh", files.script("start-sentinel.sh")],
      env: identity,
      ports: [{ name: "sentinel", containerPort: SENTINEL_PORT, protocol: "TCP" }],
      resources: resourcesOf(redis.sentinel),
      securityContext: containerSecurity(),
      volumeMounts: [
        ...files.serverMounts,
        { name: "data", mountPath: "/data" },
        { name: "sentinel-tmp", mountPath: "/tmp" },
      ],
      lifecycle: { postStart: { exec: { command: ["sh", files.script("tune-sentinel.sh")] } } },
      livenessProbe: { ...sentinelProbe, periodSeconds: 10, timeoutSeconds: 5, failureThreshold: 3 },
      readinessProbe: { ...sentinelProbe, periodSeconds: 5, timeoutSeconds: 3 },
    };
    const oneMemberPerNode: PodSpec["affinity"] = {
      podAntiAffinity: {
        requiredDuringSchedulingIgnoredDuringExecution: [
          { topologyKey: "kubernetes.io/hostname", labelSelector: { matchLabels: selectorLabels("redis-main") } },
        ],
      },
    };
    new Workload(this, "workload", {
      config,
      component: "redis-main",
      namespace,
      kind: "StatefulSet",
      fixedSize: maxPods(config, "redis-main"),
      rollOn: files.hash,
      spec: {
        serviceName: headless.name,
        podManagementPolicy: "Parallel",
        volumeClaimTemplates: [
          {
            apiVersion: "v1",
            kind: "PersistentVolumeClaim",
            metadata: { name: "data" },
            spec: {
              accessModes: ["ReadWriteOnce"],
              ...(redis.storageClass ? { storageClassName: redis.storageClass } : {}),
              resources: { requests: { storage: redis.storage } },
            },
          },
        ],
      },
      pod: {
        ...podSpec({
          component: "redis-main",
          config,
          runAsUser: REDIS_USER,
          terminationGracePeriodSeconds: 60,
          volumes: [
            ...files.serverVolumes,
            // an operator creates it to permit an empty main: start-main.sh
            { name: "start-empty", configMap: { name: "redis-main-start-empty", optional: true } },
            ...(ha ? [{ name: "sentinel-tmp", emptyDir: { sizeLimit: "16Mi" } }] : []),
          ],
          containers: [
            {
              name: "redis",
              image: thirdPartyImage(config, "redis"),
              command: files.command("main"),
              env: identity,
              ports: [{ name: "redis", containerPort: REDIS_PORT, protocol: "TCP" }],
              resources: resourcesOf(redis.main),
              securityContext: containerSecurity(),
              volumeMounts: [
                ...files.serverMounts,
                { name: "data", mountPath: "/data" },
                { name: "start-empty", mountPath: "/run/start-empty", readOnly: true },
              ],
              ...files.probes("main", redis.staleSeconds),
              ...(ha ? { lifecycle: { preStop: { exec: { command: ["sh", files.script("stop-member.sh")] } } } } : {}),
            },
            ...(ha ? [sentinel] : []),
          ],
        }),
        // two members on one node could be lost together
        ...(ha ? { affinity: oneMemberPerNode } : {}),
      },
    });
  }
}
