/**
 * The one typed configuration of the project.
 *
 * Sources, the later over the earlier: the defaults below, `config.yaml` (or the file that
 * `IAC_CONFIG` names), then `IAC_…` variables (see config-sources.ts). Nothing else in the
 * repository reads `process.env`.
 */
import * as path from "node:path";
import { z } from "zod";
import { readSources, type Sources } from "./config-sources";
import { merge } from "./merge";
import { Redacted } from "./redacted";

export const PROJECT_ROOT = path.resolve(__dirname, "..");

const QUANTITY = /^\d+(\.\d+)?(m|k|M|G|T|Ki|Mi|Gi|Ti)?$/;
const quantity = z
  .string()
  .regex(QUANTITY, 'a Kubernetes quantity such as "100m", "256Mi" or "1Gi"')
  .describe("Kubernetes quantity");
const CRON = /^(@(yearly|monthly|weekly|daily|hourly)|([\d*,/-]+ ){4}[\d*,/-]+)$/;
const dnsName = z
  .string()
  .regex(/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/, "lower-case letters, digits and dashes, at most 63");
const port = z.number().int().min(1024).max(65535);
const nodePort = z.number().int().min(30000).max(32767);
const registryAddress = z
  .string()
  .regex(/^[a-z0-9.-]+(:\d+)?(\/[a-z0-9._/-]+)?$/i, "host[:port][/path], without a scheme or a login");
const httpPath = z.string().regex(/^\/\S*$/, 'a path that starts with "/"');

/** How far and how fast one part scales. */
const bounds = (d: { min: number; max: number; cpuTarget: number }) => ({
  min: z.number().int().min(1).max(1000).default(d.min).describe("fewest pods"),
  max: z.number().int().min(1).max(1000).default(d.max).describe("most pods"),
  cpuTarget: z
    .number()
    .int()
    .min(1)
    .max(100)
    .default(d.cpuTarget)
    .describe("average CPU wanted, percent of the request"),
  scaleUpPercent: z
    .number()
    .int()
    .min(1)
    .max(1000)
    .default(100)
    .describe("most growth per 15 s, percent of the pods there are (at least 2 pods, with engine keda 4)"),
  scaleDownWindowSeconds: z
    .number()
    .int()
    .min(30)
    .max(3600)
    .default(120)
    .describe("how long a lower wish must last before pods go; never below two metric ages"),
});

/** What a pod should have of something, for engine keda. */
const perPod = (fallback: number, description: string) =>
  z
    .number()
    .positive()
    .max(1_000_000)
    .nullable()
    .default(fallback)
    .describe(`keda: ${description}; null: does not count`);

function minUpToMax(s: { min: number; max: number }, ctx: z.RefinementCtx): void {
  if (s.min > s.max)
    ctx.addIssue({ code: "custom", path: ["min"], input: s.min, message: `must not be above max (${s.max})` });
}

const resources = (d: { cpu: string; memory: string; memoryLimit: string; cpuLimit?: string }) =>
  z
    .strictObject({
      cpu: quantity
        .refine((q) => parseFloat(q) > 0, "a CPU request above 0: autoscaling is measured against it")
        .default(d.cpu)
        .describe("CPU request; autoscaling is measured against it"),
      memory: quantity.default(d.memory).describe("memory request"),
      memoryLimit: quantity.default(d.memoryLimit).describe("memory limit"),
      cpuLimit: (d.cpuLimit === undefined ? quantity.optional() : quantity.optional().default(d.cpuLimit)).describe(
        d.cpuLimit === undefined
          ? "CPU limit; none by default: throttling hides load from the autoscaler"
          : "CPU limit",
      ),
    })
    .prefault({});

const imageName = z.string().regex(/^\S+(:[\w.-]+|@sha256:[0-9a-f]{64})$/, "an image name with a tag or a digest");

const builtImage = (d: { context: string; port: number; live: string; ready: string; user: number }) =>
  z
    .strictObject({
      context: z.string().default(d.context).describe("folder that is built; relative to the project"),
      dockerfile: z.string().default("Dockerfile").describe("its Dockerfile, relative to context"),
      image: imageName.optional().describe("prebuilt image to deploy instead of building; needs no Docker"),
      port: port.default(d.port).describe("port that its container listens on"),
      livenessPath: httpPath.default(d.live).describe("HTTP path of the liveness probe"),
      readinessPath: httpPath.default(d.ready).describe("HTTP path of the readiness probe"),
      metricsPath: httpPath
        .nullable()
        .default("/metrics")
        .describe("path that Prometheus reads; null where the image has none"),
      runAsUser: z.number().int().min(1).default(d.user).describe("numeric user, never root"),
      readOnlyRootFilesystem: z.boolean().default(true).describe("false for an image that must write beside /tmp"),
    })
    .prefault({});

const secretKey = z.strictObject({
  name: dnsName.describe("name of a Secret"),
  key: z.string().min(1).describe("its key"),
});

const receiver = z.discriminatedUnion("type", [
  z.strictObject({
    type: z.literal("webhook"),
    name: dnsName,
    secret: secretKey.describe("holds the URL"),
  }),
  z.strictObject({
    type: z.literal("slack"),
    name: dnsName,
    channel: z.string().min(1),
    secret: secretKey.describe("holds the webhook URL"),
  }),
  z.strictObject({
    type: z.literal("email"),
    name: dnsName,
    to: z.string().min(3),
    from: z.string().min(3),
    smarthost: z.string().regex(/^[^:\s]+:\d+$/, "host:port"),
    username: z.string().optional(),
    secret: secretKey.describe("holds the SMTP password"),
  }),
]);

export const configSchema = z
  .strictObject({
    profile: z
      .string()
      .min(1)
      .optional()
      .describe(
        "settings for a kind of cluster: a file of profiles/ by its name, or a path; config.yaml and variables go over it",
      ),
    terraform: z.enum(["terraform", "tofu"]).default("terraform").describe("program that applies the layers"),
    cluster: z
      .strictObject({
        kubeconfig: z
          .string()
          .optional()
          .describe("kubeconfig file; by default what KUBECONFIG names, else ~/.kube/config"),
        context: z.string().min(1).optional().describe("its context; by default the current one"),
        kind: z
          .strictObject({
            name: dnsName.default("iacproject").describe("name of the local kind cluster"),
            workers: z.number().int().min(0).max(9).default(2).describe("its worker nodes"),
            registryPort: port.default(5001).describe("port of its registry on this machine"),
            pagePort: port.nullable().default(8080).describe("port of this machine that leads to the page; null: none"),
            grafanaPort: port
              .nullable()
              .default(3000)
              .describe("port of this machine that leads to Grafana; null: none"),
          })
          .prefault({})
          .describe("the cluster that `up` offers to make where none is configured"),
      })
      .prefault({}),
    state: z
      .strictObject({
        backend: z.enum(["local", "kubernetes", "s3"]).default("local").describe("where Terraform keeps state"),
        dir: z.string().min(1).default(".state").describe("local: folder, relative to the project"),
        namespace: dnsName.default("default").describe("kubernetes: namespace of the state Secrets"),
        bucket: z.string().min(3).optional().describe("s3: bucket"),
        region: z.string().min(2).optional().describe("s3: region"),
        prefix: z.string().default("iacproject").describe("kubernetes, s3: prefix of the state's name"),
      })
      .prefault({}),
    registry: z
      .strictObject({
        push: registryAddress.default("localhost:5000").describe("address that this machine pushes to"),
        pull: registryAddress
          .optional()
          .describe("address that nodes pull from, where it differs (kind, minikube); by default push"),
        insecure: z
          .boolean()
          .optional()
          .describe("plain HTTP; by default true for localhost and 127.0.0.1, false elsewhere"),
        auth: z
          .enum(["none", "docker"])
          .default("none")
          .describe("docker: credentials of `docker login` in the Docker configuration file"),
        dockerConfig: z.string().default("~/.docker/config.json").describe("that file; `docker login` writes it"),
      })
      .prefault({}),
    images: z
      .strictObject({
        platform: z
          .string()
          .regex(/^linux\/(amd64|arm64)$/, "linux/amd64 or linux/arm64")
          .optional()
          .describe("platform to build for; by default the Docker engine's"),
        dockerHost: z
          .string()
          .min(1)
          .optional()
          .describe(
            "Docker engine, such as unix:///run/user/1000/docker.sock; by default DOCKER_HOST or the usual socket",
          ),
        pullSecrets: z
          .array(dnsName)
          .default([])
          .describe("names of existing pull Secrets in the application's namespace"),
        mirror: z
          .string()
          .regex(/^[\w.-]+(:\d+)?(\/[\w.-]+)*$/, "HOST[:PORT][/PREFIX], without a slash at its end")
          .optional()
          .describe(
            "registry that holds the images of others, charts' too, under their own paths: for nodes that reach no other",
          ),
        redis: imageName.optional().describe("Redis' image, 7.2 or later; by default the pinned one"),
        redisExporter: imageName.optional().describe("redis_exporter's image; by default the pinned one"),
        curl: imageName
          .optional()
          .describe("curl's image, which uploads backups to redis.backup.s3; by default the pinned one"),
        node: builtImage({ context: "images/node", port: 3000, live: "/livez", ready: "/readyz", user: 1000 }),
        react: builtImage({ context: "images/react", port: 8080, live: "/healthz", ready: "/healthz", user: 101 }),
      })
      .prefault({}),
    charts: z
      .strictObject({
        dir: z.string().min(1).optional().describe("folder of chart archives (.tgz) for a site without the internet"),
      })
      .prefault({}),
    namespaces: z
      .strictObject({
        app: dnsName.default("iacproject").describe("Redis, the API and the front"),
        monitoring: dnsName.default("monitoring").describe("Prometheus, Alertmanager and Grafana"),
        keda: dnsName.default("keda").describe("KEDA, where scaling.engine is keda"),
        create: z.boolean().default(true).describe("false: they exist already and stay after `down`"),
        quota: z
          .boolean()
          .default(false)
          .describe("a ResourceQuota for app, as large as every part at its maximum in a rollout, and a LimitRange"),
      })
      .prefault({}),
    redis: z
      .strictObject({
        durability: z
          .enum(["fast", "safe", "ha"])
          .default("safe")
          .describe(
            "fast: the append-only file is synced every second; safe: before each answer; ha: and on a second of three nodes",
          ),
        storageClass: z.string().min(1).optional().describe("by default the cluster's default class"),
        storage: quantity.default("1Gi").describe("size of main's volume"),
        maxMemory: z
          .string()
          .regex(/^\d+(kb|mb|gb)$/, 'a Redis size such as "256mb"')
          .default("256mb")
          .describe("Redis maxmemory; writes beyond it are refused (noeviction)"),
        staleSeconds: z
          .number()
          .int()
          .min(5)
          .max(3600)
          .default(60)
          .describe("how long a replica keeps answering after it lost main"),
        backup: z
          .strictObject({
            schedule: z
              .string()
              .regex(CRON, 'five fields such as "17 3 * * *", or @daily')
              .nullable()
              .default(null)
              .describe("when a backup is made, in UTC; null: none"),
            keep: z.number().int().min(1).max(1000).default(7).describe("backups that are kept; older ones go"),
            storage: quantity.default("2Gi").describe("size of the volume that they lie on"),
            s3: z
              .strictObject({
                endpoint: z
                  .url({ protocol: /^https?$/ })
                  .nullable()
                  .default(null)
                  .describe(
                    "address of an S3-compatible storage they go to instead of a volume, such as https://s3.eu-west-1.amazonaws.com",
                  ),
                bucket: z
                  .string()
                  .min(3)
                  .optional()
                  .describe("its bucket; how long they stay there is the bucket's own rule"),
                folder: z
                  .string()
                  .regex(/^[\w./-]*$/, "letters, digits, and _ . - /")
                  .default("redis")
                  .describe("folder in it"),
                region: z.string().min(2).default("us-east-1").describe("region that requests are signed for"),
                secret: dnsName.optional().describe("Secret with access-key-id and secret-access-key"),
              })
              .prefault({}),
          })
          .prefault({})
          .describe("scheduled backups onto a volume of their own"),
        tls: z
          .strictObject({
            secret: dnsName
              .nullable()
              .default(null)
              .describe("Secret with ca.crt, tls.crt and tls.key, as cert-manager makes it; null: not encrypted"),
          })
          .prefault({})
          .describe("encryption of every connection to Redis"),
        main: resources({ cpu: "100m", memory: "128Mi", memoryLimit: "768Mi" }),
        replica: resources({ cpu: "100m", memory: "128Mi", memoryLimit: "768Mi" }),
        // nobody scales it, and it turns in circles while a connection of its own leads to a pod that is gone: 0012
        sentinel: resources({ cpu: "10m", memory: "16Mi", memoryLimit: "64Mi", cpuLimit: "200m" }),
        exporter: resources({ cpu: "20m", memory: "32Mi", memoryLimit: "96Mi" }),
      })
      .prefault({}),
    node: z
      .strictObject({
        allowedOrigins: z
          .array(z.string().min(1))
          .min(1)
          .default(["*"])
          .describe('origins that may call the API from a browser; "*" for all'),
        discovery: z
          .enum(["watch", "dns", "address"])
          .default("watch")
          .describe(
            "how the API finds the replicas. watch: EndpointSlices, at once, needs a Role; dns: a headless Service, within seconds; address: one Service, one replica a connection",
          ),
        maxLagSeconds: z
          .number()
          .int()
          .min(1)
          .max(3600)
          .default(5)
          .describe("a replica further behind main than this gets no reads"),
        maxInFlight: z
          .number()
          .int()
          .min(1)
          .max(100_000)
          .default(512)
          .describe("requests in work in one pod; more are refused with 503 and Retry-After"),
        connectionAgeSeconds: z
          .number()
          .int()
          .min(1)
          .max(86_400)
          .default(10)
          .describe("mean age after which a kept-alive connection is closed, so that new pods get their share"),
        resources: resources({ cpu: "100m", memory: "96Mi", memoryLimit: "256Mi" }),
      })
      .prefault({}),
    react: z
      .strictObject({
        resources: resources({ cpu: "30m", memory: "32Mi", memoryLimit: "96Mi" }),
      })
      .prefault({}),
    scaling: z
      .strictObject({
        engine: z
          .enum(["hpa", "keda"])
          .default("hpa")
          .describe(
            "hpa: CPU, by metrics-server; keda: what the pods tell of their load besides, read when it is needed",
          ),
        node: z
          .strictObject({
            ...bounds({ min: 2, max: 10, cpuTarget: 60 }),
            requestsPerPod: perPod(100, "requests per second that a pod should get"),
            inFlightPerPod: perPod(32, "requests that a pod should have in work"),
            eventLoopPercent: perPod(70, "percent of the time that a pod's event loop should be busy").refine(
              (p) => p === null || p <= 100,
              "at most 100",
            ),
          })
          .prefault({})
          .superRefine(minUpToMax),
        react: z
          .strictObject({
            ...bounds({ min: 2, max: 6, cpuTarget: 60 }),
            requestsPerPod: perPod(400, "requests per second that a pod should get"),
          })
          .prefault({})
          .superRefine(minUpToMax),
        replicas: z
          .strictObject({
            ...bounds({ min: 2, max: 6, cpuTarget: 60 }),
            commandsPerPod: perPod(1500, "commands per second that a replica should get"),
            clientsPerPod: perPod(1000, "connections that a replica should hold; above scaling.node.max"),
          })
          .prefault({})
          .superRefine(minUpToMax)
          .refine((s) => s.min >= 2, {
            path: ["min"],
            message: "at least 2: reads must survive the loss of one replica",
          }),
        exporter: z
          .strictObject(bounds({ min: 1, max: 3, cpuTarget: 70 }))
          .prefault({})
          .superRefine(minUpToMax),
      })
      .prefault({}),
    keda: z
      .strictObject({
        mode: z
          .enum(["install", "existing"])
          .default("install")
          .describe("existing: the cluster has KEDA, in namespaces.keda; only with scaling.engine keda"),
      })
      .prefault({}),
    load: z
      .strictObject({
        maxRate: z
          .number()
          .int()
          .min(1)
          .max(100_000)
          .default(2000)
          .describe("npm run load: highest rate that it takes, requests per second"),
        image: imageName.optional().describe("npm run load: image of k6 in the cluster; by default the pinned one"),
        namespace: dnsName.default("default").describe("npm run load: namespace of its pod"),
        k6: z.string().min(1).default("k6").describe("npm run load -- --here: the program"),
      })
      .prefault({}),
    metricsServer: z
      .strictObject({
        mode: z
          .enum(["install", "existing"])
          .default("install")
          .describe("existing: the cluster has one already (most managed clusters, k3s)"),
        kubeletInsecureTls: z
          .boolean()
          .default(true)
          .describe("accept the kubelets' self-signed certificates (kubeadm, kind); false where they are signed"),
      })
      .prefault({}),
    observability: z
      .enum(["install", "existing", "none"])
      .default("install")
      .describe("existing: monitors, rules and dashboards for a Prometheus and Grafana that are there; none: nothing"),
    monitoring: z
      .strictObject({
        retention: z
          .string()
          .regex(/^\d+(h|d|w)$/, 'a duration such as "7d"')
          .default("7d")
          .describe("how long Prometheus keeps samples"),
        retentionSize: z
          .string()
          .regex(/^\d+(MB|GB)$/, 'a size such as "4GB"')
          .default("4GB")
          .describe("and at most how much"),
        storage: quantity.nullable().default(null).describe("Prometheus volume; null: node disk, lost with the pod"),
        storageClass: z.string().min(1).optional().describe("by default the cluster's default class"),
        controlPlane: z
          .boolean()
          .default(false)
          .describe("watch etcd, scheduler, controller-manager and kube-proxy; only where they run as pods"),
        grafanaNodePort: nodePort.optional().describe("a port of each node that leads to Grafana"),
        nodeExporter: z.boolean().default(true).describe("node metrics; needs a privileged namespace"),
        runbooks: z
          .string()
          .min(1)
          .default("docs/runbooks")
          .describe("address or folder of the runbooks, for the links in alerts"),
        selectorLabels: z
          .record(z.string(), z.string())
          .default({})
          .describe("existing: labels by which that Prometheus selects monitors and rules"),
        receivers: z
          .array(receiver)
          .default([])
          .describe("where Alertmanager sends; Secrets in the monitoring namespace"),
        heartbeat: secretKey
          .optional()
          .describe(
            "Secret with the URL of a service that calls when it hears nothing: it is called every minute as long as Prometheus and Alertmanager work",
          ),
        disabledAlerts: z
          .array(z.string().regex(/^[A-Za-z]\w*$/, "an alert's name"))
          .default([])
          .describe("alerts that do not suit this cluster, ours or the chart's"),
        objectives: z
          .strictObject({
            availability: z
              .number()
              .min(50)
              .max(99.999)
              .default(99.9)
              .describe("share of requests to the API that must not be answered with 5xx, percent"),
            latency: z
              .strictObject({
                percent: z.number().min(50).max(99.999).default(99).describe("share that must be answered in time"),
                seconds: z
                  .union([0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 2.5].map((s) => z.literal(s)))
                  .default(0.25)
                  .describe("in time; one of the API's histogram buckets"),
              })
              .prefault({}),
          })
          .prefault({})
          .describe("what the API owes its callers; alerts go by how fast the rest is used up"),
      })
      .prefault({}),
    exposure: z
      .strictObject({
        type: z
          .enum(["ClusterIP", "NodePort", "LoadBalancer", "Ingress"])
          .default("ClusterIP")
          .describe("how the page is reached from outside; ClusterIP: by `kubectl port-forward`"),
        nodePort: nodePort.optional().describe("NodePort: a fixed one"),
        host: z.string().min(1).optional().describe("Ingress: host name"),
        ingressClass: z.string().min(1).optional().describe("Ingress: class, by default the cluster's"),
        tlsSecret: dnsName.optional().describe("Ingress: existing TLS Secret in the application's namespace"),
      })
      .prefault({}),
    workloads: z
      .enum(["apply", "helm"])
      .default("apply")
      .describe(
        "how pods' owners are written. apply: by server-side apply, which also shows what was changed by hand; helm: a release each, for users who may not list CRDs, which apply has to",
      ),
    networkPolicies: z.boolean().default(true).describe("false: for clusters that do not grant them"),
    dns: z
      .strictObject({
        namespace: dnsName.default("kube-system").describe("namespace of the cluster's DNS"),
        domain: z.string().min(1).default("cluster.local").describe("the cluster's domain"),
      })
      .prefault({}),
  })
  .superRefine((c, ctx) => {
    const refuse = (at: string[], message: string, input?: unknown) =>
      ctx.addIssue({ code: "custom", path: at, message, input });
    const { s3 } = c.redis.backup;
    if (s3.endpoint !== null && !(s3.bucket && s3.secret)) {
      refuse(
        ["redis", "backup", "s3", "endpoint"],
        "needs redis.backup.s3.bucket and redis.backup.s3.secret",
        s3.endpoint,
      );
    }
    if (c.state.backend === "s3" && !(c.state.bucket && c.state.region)) {
      refuse(["state", "backend"], "needs state.bucket and state.region", "s3");
    }
    if (c.state.backend === "kubernetes" && Object.values(c.namespaces).includes(c.state.namespace)) {
      refuse(
        ["state", "namespace"],
        "must not be a namespace that a layer destroys (namespaces.app, namespaces.monitoring)",
        c.state.namespace,
      );
    }
    const taken = new Set(["none", "heartbeat"]);
    c.monitoring.receivers.forEach(({ name }, i) => {
      if (taken.has(name)) refuse(["monitoring", "receivers", String(i), "name"], "is taken; choose another", name);
      taken.add(name);
    });
    if (c.exposure.type === "Ingress" && !c.exposure.host) {
      refuse(["exposure", "host"], "is needed where exposure.type is Ingress");
    }
    if (c.exposure.type !== "NodePort" && c.exposure.nodePort !== undefined) {
      refuse(["exposure", "nodePort"], "only goes with exposure.type NodePort", c.exposure.nodePort);
    }
    const { engine, replicas, node } = c.scaling;
    if (engine === "keda" && replicas.clientsPerPod !== null && replicas.clientsPerPod <= node.max + 1) {
      refuse(
        ["scaling", "replicas", "clientsPerPod"],
        `must be above scaling.node.max (${node.max}) and the exporter's one: each API pod holds a connection to each replica, so that more replicas would never bring it down`,
        replicas.clientsPerPod,
      );
    }
    if (engine === "keda" && c.images.node.metricsPath === null) {
      refuse(["scaling", "engine"], "needs images.node.metricsPath: it goes by what the API tells of its load", engine);
    }
    if (engine === "keda" && new Set([c.namespaces.app, c.namespaces.monitoring, c.namespaces.keda]).size < 3) {
      refuse(["namespaces", "keda"], "must differ from namespaces.app and namespaces.monitoring", c.namespaces.keda);
    }
    if (c.namespaces.app === c.namespaces.monitoring && c.monitoring.nodeExporter && c.observability === "install") {
      refuse(
        ["namespaces", "monitoring"],
        "must differ from namespaces.app while monitoring.nodeExporter is on: it needs a privileged namespace",
        c.namespaces.monitoring,
      );
    }
  });

type Parsed = z.output<typeof configSchema>;

/** The parsed configuration, with what follows from it. */
export interface Config extends Parsed {
  readonly registry: Parsed["registry"] & { readonly pull: string; readonly insecure: boolean };
  /** Kubeconfig files, as Kubernetes clients merge them. Empty inside a cluster. */
  readonly kubeconfigs: readonly string[];
  /** Whether someone named the cluster: a context, a kubeconfig key or KUBECONFIG. */
  readonly clusterIsNamed: boolean;
}
export type ScalingConfig = Config["scaling"]["exporter"];
export type ResourcesConfig = Config["node"]["resources"];
export type ImageConfig = Config["images"]["node"];
export type Receiver = Config["monitoring"]["receivers"][number];

/** One refusal for everything that is wrong, a line each. */
export class ConfigError extends Error {
  constructor(readonly problems: readonly string[]) {
    super(
      `configuration refused:\n${problems.map((p) => `  ${p}`).join("\n")}\nSee all keys: npm run config -- --help`,
    );
    this.name = "ConfigError";
  }
}

const isLocal = (address: string) => /^(localhost|127\.0\.0\.1|\[::1\])(:\d+)?$/.test(address);

const home = (file: string, from: Sources["home"]) => file.replace(/^~(?=\/)/, from);

function problem(issue: z.core.$ZodIssue, input: unknown): string[] {
  const at = issue.path.join(".");
  const value = issue.path.reduce<unknown>((v, k) => (v as Record<PropertyKey, unknown> | undefined)?.[k], input);
  const shown = value === undefined ? "missing" : JSON.stringify(Redacted.copy(value, String(issue.path.at(-1) ?? "")));
  switch (issue.code) {
    case "unrecognized_keys":
      return issue.keys.map((k) => `${[...issue.path, k].join(".")}: unknown key; ${acceptedBelow(issue.path)}`);
    case "invalid_value":
      return [`${at}: ${shown} is not accepted; one of ${issue.values.map((v) => String(v)).join(", ")}`];
    case "invalid_type":
      return [`${at}: ${shown} is not accepted; expected ${issue.expected}`];
    case "invalid_format":
      return [`${at}: ${shown} is not accepted; expected ${issue.message.replace(/^Invalid string: /, "")}`];
    case "too_small":
      return [`${at}: ${shown} is not accepted; at least ${issue.minimum}`];
    case "too_big":
      return [`${at}: ${shown} is not accepted; at most ${issue.maximum}`];
    default:
      return [`${at || "configuration"}: ${shown === "missing" ? "" : `${shown} is not accepted; `}${issue.message}`];
  }
}

function acceptedBelow(at: readonly PropertyKey[]): string {
  const prefix = at.length ? `${at.join(".")}.` : "";
  const names = configKeys()
    .filter((k) => k.path.startsWith(prefix))
    .map((k) => k.path.slice(prefix.length).split(".")[0]);
  return `accepted here: ${[...new Set(names)].join(", ")}`;
}

/** Parses one merged object; throws {@link ConfigError} that lists every problem. */
export function parseConfig(input: unknown, sources: Pick<Sources, "kubeconfigEnv" | "home">): Config {
  const parsed = configSchema.safeParse(input);
  if (!parsed.success) {
    throw new ConfigError(parsed.error.issues.flatMap((issue) => problem(issue, input)));
  }
  const c = parsed.data;
  const named = c.cluster.kubeconfig ?? sources.kubeconfigEnv;
  return {
    ...c,
    registry: {
      ...c.registry,
      dockerConfig: home(c.registry.dockerConfig, sources.home),
      pull: c.registry.pull ?? c.registry.push,
      insecure: c.registry.insecure ?? isLocal(c.registry.push),
    },
    kubeconfigs: (named ?? "~/.kube/config")
      .split(path.delimiter)
      .filter(Boolean)
      .map((f) => path.resolve(PROJECT_ROOT, home(f, sources.home))),
    clusterIsNamed: Boolean(named ?? c.cluster.context),
  };
}

/** Reads all sources and parses them. `overrides` go last: flags of a command, or a test. */
export function loadConfig(overrides: Record<string, unknown> = {}): Config {
  const sources = readSources(configKeys(), PROJECT_ROOT);
  if (sources.problems.length) throw new ConfigError(sources.problems);
  return parseConfig(merge(sources.merged, overrides), sources);
}

/** One leaf of the schema: what the reference in the docs and `npm run config -- --help` print. */
export interface ConfigKey {
  readonly path: string;
  /** Environment variable that sets it. */
  readonly env: string;
  readonly description: string;
  readonly default: unknown;
  /** What it may be, where that is one of a few words. */
  readonly choices?: readonly string[];
  /** Whether its variable holds plain text, rather than JSON or YAML. */
  readonly isText: boolean;
}

let keys: readonly ConfigKey[] | undefined;

/** Every key of the configuration, in the schema's order. */
export function configKeys(): readonly ConfigKey[] {
  return (keys ??= walk(configSchema as unknown as z.ZodType, []));
}

function walk(schema: z.ZodType, at: readonly string[]): ConfigKey[] {
  let inner = schema as z.ZodType & { _zod: { def: Record<string, unknown> & { type: string } } };
  let fallback: unknown;
  let description = inner.description ?? "";
  while (["prefault", "default", "optional", "nullable"].includes(inner._zod.def.type)) {
    if (inner._zod.def.type === "default") fallback = inner._zod.def["defaultValue"];
    inner = inner._zod.def["innerType"] as typeof inner;
    description ||= inner.description ?? "";
  }
  if (inner._zod.def.type === "object") {
    const shape = inner._zod.def["shape"] as Record<string, z.ZodType>;
    return Object.entries(shape).flatMap(([k, v]) => walk(v, [...at, k]));
  }
  const snake = at.map((k) => k.replace(/[A-Z]/g, (l) => `_${l}`).toUpperCase());
  const isText = ["string", "enum"].includes(inner._zod.def.type);
  const entries = inner._zod.def["entries"] as Record<string, string> | undefined;
  const choices = inner._zod.def.type === "enum" && entries ? { choices: Object.values(entries) } : {};
  return [{ path: at.join("."), env: `IAC_${snake.join("_")}`, description, default: fallback, ...choices, isText }];
}

/** The configuration as `npm run config` prints it: no value that could be a secret. */
export function printable(config: Config): unknown {
  return Redacted.copy(config);
}
