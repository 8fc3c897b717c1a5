import type { RulesProps } from "../../dashboards/rules";
import type { Config } from "../../config";

/**
 * The part of the configuration that the rules use. `namespace` is the application's namespace, from the outputs of
 * layer `app`.
 */
export const rulesProps = (
  { monitoring, node, scaling }: Pick<Config, "monitoring" | "node" | "scaling">,
  namespace: string,
): RulesProps => ({
  namespace,
  runbooks: monitoring.runbooks,
  objectives: monitoring.objectives,
  maxLagSeconds: node.maxLagSeconds,
  fast: scaling.fast,
  disabled: monitoring.disabledAlerts,
});
