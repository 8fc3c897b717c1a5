import { exported, exportedBySome } from "./exported";
import {
  annotationExpressions,
  NAMESPACE,
  panelExpressions,
  ruleExpressions,
  rules,
  type Expression,
} from "./expressions";
import { seriesOf, syntaxErrors } from "./promql";

const expressions: readonly Expression[] = [
  ...panelExpressions(NAMESPACE),
  ...annotationExpressions(NAMESPACE),
  ...ruleExpressions,
];

describe("expressions", () => {
  it("are valid PromQL", () => {
    expect(expressions.flatMap((e) => syntaxErrors(e.expr).map((error) => `${e.origin}: ${error}`))).toEqual([]);
  });
  it("are checked for syntax errors", () => {
    expect(syntaxErrors("sum(rate(x[5m])")).toHaveLength(1);
  });
  it("query only series that a deployed workload exports, and only labels that these series have", () => {
    const recorded = new Set(rules.flatMap((r) => ("record" in r ? [r.record] : [])));
    const missing = expressions.flatMap((e) =>
      seriesOf(e.expr).flatMap(({ metric, labels }) => {
        // Prometheus itself exports ALERTS, with the labels of the alerts
        if (recorded.has(metric) || metric === "ALERTS") return [];
        const known = [...exported, ...exportedBySome].find((s) => s.metric === metric);
        if (!known) return [`${e.origin}: nothing exports ${metric}`];
        return labels.filter((l) => !known.labels.includes(l)).map((l) => `${e.origin}: ${metric} has no label ${l}`);
      }),
    );
    expect(missing).toEqual([]);
  });
});
