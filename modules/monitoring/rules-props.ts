import type { RulesProps } from "../../dashboards/rules";
import type { Config } from "../../config";

/**
 * The part of the configuration that the rules use. `namespace` is the application's namespace, from the outputs of
 * layer `app`.
 */
export const rulesProps = (
  { monitoring, node }: Pick<Config, "monitoring" | "node">,
  namespace: string,
): RulesProps => ({
  namespace,
  runbooks: monitoring.runbooks,
  objectives: monitoring.objectives,
  maxLagSeconds: node.maxLagSeconds,
  disabled: monitoring.disabledAlerts,
});
