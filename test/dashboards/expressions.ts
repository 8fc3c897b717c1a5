/** Every PromQL expression in panels and rules, with its origin. */
import { DASHBOARDS } from "../../dashboards";
import { ANNOTATIONS } from "../../dashboards/panels";
import { isAlert, ruleGroups } from "../../dashboards/rules";
import { configSchema } from "../../config";
import { rulesProps } from "../../modules/monitoring/rules-props";
import { withVariables } from "../../scripts/toolbox/dashboard-figures";

export const NAMESPACE = "some-namespace";
export const config = configSchema.parse({ scaling: { fast: true } });
export const groups = ruleGroups({ ...rulesProps(config, NAMESPACE), runbooks: "https://example.org/runbooks" });
export const rules = groups.flatMap((g) => g.rules);
export const alerts = rules.filter(isAlert);

export interface Expression {
  /** For example, "dashboard Redis, panel Keys" or "alert RedisMainDown". */
  readonly origin: string;
  readonly expr: string;
}

export const panelExpressions = (namespace: string): readonly Expression[] =>
  DASHBOARDS.flatMap((d) =>
    d.rows.flatMap((row) =>
      row.panels.flatMap((p) =>
        p.queries.map((q) => ({
          origin: `dashboard ${d.title}, panel ${p.title}`,
          expr: withVariables(q.expr, namespace),
        })),
      ),
    ),
  );

export const annotationExpressions = (namespace: string): readonly Expression[] =>
  ANNOTATIONS.map((a) => ({ origin: `annotation ${a.name}`, expr: withVariables(a.expr, namespace) }));

export const ruleExpressions: readonly Expression[] = rules.map((r) => ({
  origin: isAlert(r) ? `alert ${r.alert}` : `record ${r.record} ${r.labels?.["objective"] ?? ""}`,
  expr: r.expr,
}));
