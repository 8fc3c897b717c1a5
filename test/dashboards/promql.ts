/** Parses PromQL as Prometheus' own editor does: finds syntax errors and the series that an expression queries. */
import { parser } from "@prometheus-io/lezer-promql";

export interface Series {
  readonly metric: string;
  /** Labels in its matchers. */
  readonly labels: readonly string[];
}

/** The expression's syntax errors, with their positions. */
export function syntaxErrors(expr: string): string[] {
  const errors: string[] = [];
  parser.parse(expr).iterate({
    enter: (node) => {
      if (node.type.isError)
        errors.push(`at ${node.from}: …${expr.slice(Math.max(0, node.from - 20), node.from + 20)}…`);
    },
  });
  return errors;
}

/** Each series that an expression queries. */
export function seriesOf(expr: string): Series[] {
  const found: Series[] = [];
  parser.parse(expr).iterate({
    enter: ({ name, node }) => {
      if (name !== "VectorSelector") return;
      const metric = node.getChild("Identifier");
      const labels: string[] = [];
      node.toTree().iterate({
        enter: (inner) => {
          if (inner.name === "LabelName") labels.push(expr.slice(node.from + inner.from, node.from + inner.to));
        },
      });
      found.push({ metric: metric ? expr.slice(metric.from, metric.to) : "", labels });
    },
  });
  return found;
}
