import { SCALED, WORKLOAD_NAME, WORKLOADS, workloadOf } from "../catalog/workloads";

/** Label matchers of each workload, shared by panels and rules. */
export interface Selectors {
  readonly ns: string;
  readonly api: string;
  readonly front: string;
  readonly redis: string;
  readonly main: string;
  readonly replicas: string;
  readonly scaler: string;
  readonly hpa: (name: string) => string;
}

/** @param namespace the application's namespace, or a Grafana variable such as `$namespace` */
export function selectors(namespace: string): Selectors {
  const ns = `namespace="${namespace}"`;
  const redis = `${ns}, job="redis"`;
  return {
    ns,
    api: `${ns}, service="${WORKLOAD_NAME.node}"`,
    front: `${ns}, service="${WORKLOAD_NAME.react}"`,
    redis,
    main: `${redis}, instance=~"${WORKLOAD_NAME["redis-main"]}-.*"`,
    replicas: `${redis}, instance=~"${WORKLOAD_NAME["redis-replica"]}-.*"`,
    scaler: `${ns}, service="${WORKLOAD_NAME.scaler}"`,
    hpa: (name) => `${ns}, horizontalpodautoscaler="${name}"`,
  };
}

/** Only requests from callers, without probes and scrapes. */
export const CALLER_ROUTES = 'route!~"/(livez|readyz|metrics|status)"';

/** The autoscalers, each with the container whose CPU usage it measures. */
export const AUTOSCALERS = SCALED.map((component) => ({
  name: WORKLOADS[component].name,
  title: WORKLOADS[component].title,
  container: workloadOf(component).scaling!.container,
}));
