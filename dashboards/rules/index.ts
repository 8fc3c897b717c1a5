/** Alert and recording rules as code. Each alert has a runbook of the same name in docs/runbooks/. */
import { PART_OF } from "../../catalog/names";
import { autoscalingAlerts } from "./autoscaling";
import { fastScalerAlerts } from "./fast-scaler";
import { burnAlerts, burnRates, type Objectives } from "./objectives";
import { redisAlerts } from "./redis";
import { isAlert, type AlertProps, type AlertRule, type RuleGroup } from "./rule";
import { webAlerts } from "./web";

export { isAlert, type AlertRule, type RecordingRule, type Rule, type RuleGroup } from "./rule";

export interface RulesProps {
  /** The application's namespace. */
  readonly namespace: string;
  /** Web address or folder of the runbooks. */
  readonly runbooks: string;
  readonly objectives: Objectives;
  /** Number of seconds that a replica may lag behind main (primary) before it gets no reads. */
  readonly maxLagSeconds: number;
  /** Whether Prometheus scrapes the fast scaler. */
  readonly fast: boolean;
  /** Names of alerts to leave out. @default none */
  readonly disabled?: readonly string[];
}

/** All of this project's rules for one namespace. */
export function ruleGroups(p: RulesProps): readonly RuleGroup[] {
  const alert = (a: AlertProps): AlertRule => ({
    alert: a.alert,
    expr: a.expr,
    for: a.for,
    labels: { severity: a.severity, part_of: PART_OF, namespace: p.namespace },
    annotations: {
      summary: a.summary,
      description: a.description,
      runbook_url: `${p.runbooks.replace(/\/$/, "")}/${a.alert}.md`,
    },
  });
  const groups: RuleGroup[] = [
    { name: "iacproject-objectives", rules: burnRates(p.namespace, p.objectives) },
    { name: "iacproject-api", rules: [...burnAlerts(p.namespace), ...webAlerts(p.namespace)].map(alert) },
    { name: "iacproject-redis", rules: redisAlerts(p.namespace, p.maxLagSeconds).map(alert) },
    {
      name: "iacproject-autoscaling",
      rules: [...autoscalingAlerts(p.namespace), ...(p.fast ? fastScalerAlerts(p.namespace) : [])].map(alert),
    },
  ];
  return groups.map((g) => ({ ...g, rules: g.rules.filter((r) => !isAlert(r) || !p.disabled?.includes(r.alert)) }));
}
