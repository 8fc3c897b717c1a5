import type { RulesProps } from "../../dashboards/rules";
import type { Config } from "../../config";
import { scrapesFastScaler } from "../kubernetes/sizing";

/**
 * The part of the configuration that the rules use. `namespace` is the application's namespace, from the outputs of
 * layer `app`.
 */
export const rulesProps = (
  config: Pick<Config, "images" | "monitoring" | "node" | "scaling">,
  namespace: string,
): RulesProps => ({
  namespace,
  runbooks: config.monitoring.runbooks,
  objectives: config.monitoring.objectives,
  maxLagSeconds: config.node.maxLagSeconds,
  fast: scrapesFastScaler(config),
  disabled: config.monitoring.disabledAlerts,
});
