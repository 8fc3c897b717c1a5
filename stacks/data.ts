import type { Construct } from "constructs";
import type { Config } from "../config";
import { flows } from "../modules/policies/flows";
import { GeneratedSecret } from "../modules/kubernetes/generated-secret";
import { Keda } from "../modules/autoscaling/keda";
import { SentinelGroup } from "../modules/redis/sentinel-group";
import { Namespace } from "../modules/kubernetes/namespace";
import { NamespaceQuota } from "../modules/policies/namespace-quota";
import { NetworkPolicies } from "../modules/policies/network-policies";
import { RedisBackup } from "../modules/redis/backup";
import { RedisFiles, type RedisMode } from "../modules/redis/files";
import { RedisExporter } from "../modules/redis/exporter";
import { MainInstance } from "../modules/redis/main-instance";
import { RedisReplicas } from "../modules/redis/replicas";
import { redisUserNames } from "../modules/redis/users";
import { Layer } from "./layer";

/** Layer `data`: the application's namespace and policies, Redis and its exporter. */
export class DataLayer extends Layer<"data"> {
  constructor(scope: Construct, config: Config) {
    super(scope, "data", config);
    this.useKubernetes();
    this.useRandom();
    // needed with either engine, because Terraform uses the provider to delete the other engine's Helm releases
    this.useHelm();
    const { ref: namespace } = new Namespace(this, "namespace", {
      name: config.namespaces.app,
      enforce: "restricted",
      create: config.namespaces.create,
    });
    const quota = config.namespaces.quota ? new NamespaceQuota(this, "quota", { namespace, config }) : undefined;
    if (config.networkPolicies) {
      new NetworkPolicies(this, "network-policies", {
        namespace,
        ownsNamespace: config.namespaces.create,
        monitoringNamespace: config.namespaces.monitoring,
        dns: config.dns,
        kedaNamespace: config.namespaces.keda,
        apiServer: config.cluster.apiServer,
        flows: flows(config),
      });
    }
    const ha = config.redis.durability === "ha";
    const { secretName } = new GeneratedSecret(this, "redis-users", {
      namespace,
      name: "redis-users",
      passwords: redisUserNames,
    });
    const sentinelGroup = ha ? new SentinelGroup(this, "main-pool", { namespace }) : undefined;
    const filesOf = (mode: RedisMode) =>
      new RedisFiles(this, `redis-${mode}-config`, {
        namespace,
        redis: config.redis,
        secretName,
        mode,
        ...(mode === "group" && sentinelGroup ? { pool: sentinelGroup.addresses } : {}),
      });
    const [single, group] = [filesOf("single"), filesOf("group")];
    const files = ha ? group : single;
    const main = new MainInstance(this, "redis-main", { namespace, config, files });
    for (const mode of [single, group]) mode.addMain(main.service.address);
    const scaled = { namespace, config, files, ...this.keda(namespace) };
    const replicas = new RedisReplicas(this, "redis-replicas", scaled);
    if (config.redis.backup.schedule !== null)
      new RedisBackup(this, "redis-backup", { namespace, config, files, after: quota ? [quota] : [] });
    const exporter = new RedisExporter(this, "redis-exporter", scaled);

    this.write({
      namespace,
      redis_secret: secretName,
      redis_main_host: main.service.name,
      redis_sentinels: sentinelGroup?.sentinels ?? "",
      redis_replicas_host: replicas.service.name,
      redis_replicas_headless_host: replicas.headless.name,
      redis_port: main.service.port,
      redis_exporter_host: exporter.service.name,
      redis_exporter_port: exporter.service.port,
    });
  }

  /** KEDA is in the lowest layer whose autoscalers need it, so that it is destroyed after all of them. */
  private keda(namespace: string): { keda?: Keda } {
    const { scaling, keda } = this.config;
    if (scaling.engine !== "keda") return {};
    return keda.mode === "install" ? { keda: new Keda(this, "keda", { config: this.config, namespace }) } : {};
  }
}
