/** Label matchers of the parts, the same for panels and rules. */
export interface Selectors {
  readonly ns: string;
  readonly api: string;
  readonly front: string;
  readonly redis: string;
  readonly main: string;
  readonly replicas: string;
  readonly hpa: (name: string) => string;
}

/** @param namespace the application's, or a Grafana variable such as `$namespace` */
export function selectors(namespace: string): Selectors {
  const ns = `namespace="${namespace}"`;
  const redis = `${ns}, job="redis"`;
  return {
    ns,
    api: `${ns}, service="node"`,
    front: `${ns}, service="react"`,
    redis,
    main: `${redis}, instance=~"redis-main-.*"`,
    replicas: `${redis}, instance=~"redis-replicas-.*"`,
    hpa: (name) => `${ns}, horizontalpodautoscaler="${name}"`,
  };
}

/** Requests that somebody made: probes and scrapes are none. */
export const WORK_ROUTES = 'route!~"/(livez|readyz|metrics|status)"';

/** Autoscalers, and the container whose CPU each measures. */
export const AUTOSCALERS = [
  { name: "node", title: "API", container: "node" },
  { name: "react", title: "Front", container: "react" },
  { name: "redis-replicas", title: "Redis replicas", container: "redis" },
  { name: "redis-exporter", title: "Exporter", container: "exporter" },
] as const;
