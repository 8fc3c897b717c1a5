/** Alert rules as code. Each has a page in docs/runbooks/ of its own name. */

export interface AlertProps {
  readonly alert: string;
  readonly expr: string;
  /** How long the condition must hold. */
  readonly for: string;
  readonly severity: "critical" | "warning" | "info";
  readonly summary: string;
  readonly description: string;
}

export interface Rule {
  readonly alert: string;
  readonly expr: string;
  readonly for: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}

export interface RuleGroup {
  readonly name: string;
  readonly rules: readonly Rule[];
}

/** Every alert of ours for one namespace. `runbooks`: address or folder of the pages. */
export function ruleGroups(namespace: string, runbooks: string): readonly RuleGroup[] {
  const ns = `namespace="${namespace}"`;
  const redis = `${ns}, job="redis"`;
  const main = `${redis}, instance=~"redis-main-.*"`;
  const api = `${ns}, service="node"`;
  const rule = (p: AlertProps): Rule => ({
    alert: p.alert,
    expr: p.expr,
    for: p.for,
    labels: { severity: p.severity, part_of: "iacproject" },
    annotations: { summary: p.summary, description: p.description, runbook_url: `${runbooks}/${p.alert}.md` },
  });
  return [
    {
      name: "iacproject-api",
      rules: [
        rule({
          alert: "ApiDown",
          expr: `sum(up{${api}}) == 0 or absent(up{${api}})`,
          for: "1m",
          severity: "critical",
          summary: "No pod of the API answers",
          description: "Prometheus reaches no pod of the API.",
        }),
        rule({
          alert: "ApiFailing",
          expr: `sum(rate(http_request_duration_seconds_count{${api}, status=~"5.."}[5m])) / sum(rate(http_request_duration_seconds_count{${api}}[5m])) > 0.05`,
          for: "2m",
          severity: "critical",
          summary: "More than 5 % of the API's answers are errors",
          description: "{{ $value | humanizePercentage }} of requests were answered with 5xx over 5 minutes.",
        }),
        rule({
          alert: "ApiSlow",
          expr: `histogram_quantile(0.99, sum by (le) (rate(http_request_duration_seconds_bucket{${api}}[5m]))) > 0.5`,
          for: "5m",
          severity: "warning",
          summary: "The API is slow",
          description: "99 % of requests take up to {{ $value | humanizeDuration }}, above 500 ms.",
        }),
        rule({
          alert: "ApiRefusing",
          expr: `sum(rate(http_requests_shed_total{${api}}[2m])) / sum(rate(http_request_duration_seconds_count{${api}}[2m])) > 0.01`,
          for: "2m",
          severity: "warning",
          summary: "The API refuses requests because it has too much to do",
          description: "{{ $value | humanizePercentage }} of requests were refused with 503 over 2 minutes.",
        }),
        rule({
          alert: "ApiReadsFromMain",
          expr: `sum(rate(redis_pool_reads_from_main_total{${api}, reason="fallback"}[2m])) / (sum(rate(redis_pool_reads_total{${api}}[2m])) + sum(rate(redis_pool_reads_from_main_total{${api}, reason="fallback"}[2m]))) > 0.1`,
          for: "2m",
          severity: "warning",
          summary: "Reads go to main because no replica can answer them",
          description: "{{ $value | humanizePercentage }} of reads fell back to main over 2 minutes.",
        }),
      ],
    },
    {
      name: "iacproject-redis",
      rules: [
        rule({
          alert: "RedisMainDown",
          expr: `sum(redis_up{${main}}) == 0 or absent(redis_up{${main}})`,
          for: "30s",
          severity: "critical",
          summary: "Redis main does not answer",
          description: "Writes fail. Reads go on from the replicas until they are stale.",
        }),
        rule({
          alert: "RedisReplicaUnlinked",
          expr: `redis_master_link_up{${redis}} == 0`,
          for: "1m",
          severity: "warning",
          summary: "{{ $labels.instance }} has lost main",
          description: "{{ $labels.instance }} has not been linked to main for a minute; its data grows old.",
        }),
        rule({
          alert: "RedisMemoryNearLimit",
          expr: `redis_memory_used_bytes{${redis}} / (redis_memory_max_bytes{${redis}} > 0) > 0.85`,
          for: "5m",
          severity: "warning",
          summary: "{{ $labels.instance }} is nearly full",
          description: "{{ $value | humanizePercentage }} of maxmemory is used; at 100 % writes are refused.",
        }),
        rule({
          alert: "RedisPersistenceFailing",
          expr: `redis_aof_last_write_status{${main}} == 0 or redis_aof_last_bgrewrite_status{${main}} == 0`,
          for: "1m",
          severity: "critical",
          summary: "{{ $labels.instance }} cannot write its append-only file",
          description: "Redis refuses writes while its append-only file cannot be written.",
        }),
        rule({
          alert: "RedisExporterBlind",
          expr: `absent(up{${redis}}) or max(up{${redis}}) == 0`,
          for: "2m",
          severity: "warning",
          summary: "Nothing is known about Redis",
          description: "The exporter answers for no instance; alerts about Redis are blind.",
        }),
      ],
    },
    {
      name: "iacproject-autoscaling",
      rules: [
        rule({
          alert: "AutoscalerAtMaximum",
          // without ScalingLimited it would fire on a part that is content at its maximum
          expr: `kube_horizontalpodautoscaler_status_condition{${ns}, condition="ScalingLimited", status="true"} == 1 and on (namespace, horizontalpodautoscaler) kube_horizontalpodautoscaler_status_desired_replicas{${ns}} >= on (namespace, horizontalpodautoscaler) kube_horizontalpodautoscaler_spec_max_replicas{${ns}}`,
          for: "5m",
          severity: "warning",
          summary: "{{ $labels.horizontalpodautoscaler }} wants more pods than it may have",
          description:
            "The autoscaler {{ $labels.horizontalpodautoscaler }} has been limited by its maximum for 5 minutes.",
        }),
        rule({
          alert: "AutoscalerBlind",
          expr: `kube_horizontalpodautoscaler_status_condition{${ns}, condition="ScalingActive", status="false"} == 1`,
          for: "3m",
          severity: "critical",
          summary: "{{ $labels.horizontalpodautoscaler }} cannot read its metrics",
          description: "The autoscaler {{ $labels.horizontalpodautoscaler }} does not scale: it gets no metrics.",
        }),
        rule({
          alert: "AutoscalerSignalMissing",
          // what the autoscaler was told to read, less what it says that it has read
          expr: `kube_horizontalpodautoscaler_spec_target_metric{${ns}} unless on (namespace, horizontalpodautoscaler, metric_name) kube_horizontalpodautoscaler_status_target_metric{${ns}}`,
          for: "3m",
          severity: "warning",
          summary: "{{ $labels.horizontalpodautoscaler }} does without one of its signals",
          description:
            "The autoscaler {{ $labels.horizontalpodautoscaler }} cannot read {{ $labels.metric_name }}: it adds pods by its other signals, and takes none away.",
        }),
        rule({
          alert: "PodsPending",
          expr: `sum by (namespace, pod) (kube_pod_status_phase{${ns}, phase="Pending"}) > 0`,
          for: "5m",
          severity: "warning",
          summary: "{{ $labels.pod }} cannot start",
          description: "The pod has been pending for 5 minutes: the cluster may be full, or an image missing.",
        }),
      ],
    },
  ];
}
