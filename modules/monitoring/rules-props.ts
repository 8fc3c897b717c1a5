import type { RulesProps } from "../../dashboards/rules";
import type { Config } from "../../config";

/** What the rules take from the configuration. `namespace`: the application's, as layer `app` tells it. */
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
