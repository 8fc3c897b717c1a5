import type { RulesProps } from "../../dashboards/rules";
import type { Config } from "../../config";

/** The rules' part of the configuration. `namespace` is the application's, from the outputs of layer `app`. */
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
