import type { RulesProps } from "../../dashboards/rules";
import type { Config } from "../../config";

/** The rules' part of the configuration. `namespace` is the application's, from the outputs of layer `app`. */
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
