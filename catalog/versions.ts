/**
 * All third-party versions that a deployment uses; no other file contains any.
 *
 * Images have exact tags, not digests, because digests would have to come from the real registries
 * (docs/decisions/0004-versions.md).
 */
export const CHARTS = {
  kubePrometheusStack: {
    name: "kube-prometheus-stack",
    version: "88.5.3",
    repository: "https://prometheus-community.github.io/helm-charts",
  },
  metricsServer: {
    name: "metrics-server",
    version: "3.13.1",
    repository: "https://kubernetes-sigs.github.io/metrics-server/",
  },
  keda: {
    name: "keda",
    version: "2.20.2",
    repository: "https://kedacore.github.io/charts",
  },
} as const;

export type ChartName = keyof typeof CHARTS;

export const IMAGES = {
  redis: "docker.io/library/redis:8.0.6",
  redisExporter: "docker.io/oliver006/redis_exporter:v1.69.0",
  /** Image of the program that uploads scheduled backups to a bucket, if one is configured. */
  curl: "docker.io/curlimages/curl:8.12.1",
} as const;

/** Images of tools that are not part of a deployment: k6 generates the load for `npm run load`. */
export const TOOL_IMAGES = { k6: "docker.io/grafana/k6:1.8.1" } as const;

/** Terraform providers, in the versions for which the pinned @cdktf bindings were generated. */
export const PROVIDERS = {
  "hashicorp/kubernetes": "2.38.0",
  "hashicorp/helm": "3.1.1",
  "kreuzwerker/docker": "3.6.2",
  "hashicorp/random": "3.7.2",
} as const;

/** Programs that `npm run tools` downloads if they are missing, and the publishers' hosts that they come from. */
export const TOOLS = {
  // renovate: datasource=github-releases depName=hashicorp/terraform
  terraform: { version: "1.13.5", host: "https://releases.hashicorp.com" },
  // renovate: datasource=github-releases depName=opentofu/opentofu
  tofu: { version: "1.11.14", host: "https://github.com" },
  // renovate: datasource=github-releases depName=kubernetes/kubernetes
  kubectl: { version: "1.34.2", host: "https://dl.k8s.io" },
  // renovate: datasource=github-releases depName=kubernetes-sigs/kind
  kind: { version: "0.30.0", host: "https://kind.sigs.k8s.io" },
  // renovate: datasource=github-releases depName=helm/helm
  helm: { version: "3.19.2", host: "https://get.helm.sh" },
} as const;

/** The oldest Terraform and OpenTofu versions that support write-only attributes and ephemeral resources. */
export const MINIMUM_TERRAFORM = "1.11.0";
