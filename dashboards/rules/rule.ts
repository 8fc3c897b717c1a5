/** Rules in the format of Prometheus. */

export interface AlertProps {
  /** Name of the alert and of its runbook in docs/runbooks/. */
  readonly alert: string;
  readonly expr: string;
  /** How long the condition must hold. */
  readonly for: string;
  /** critical: needs immediate action; warning: can wait for working hours. */
  readonly severity: "critical" | "warning";
  readonly summary: string;
  /** Includes the measured value, if there is one. */
  readonly description: string;
}

export interface AlertRule {
  readonly alert: string;
  readonly expr: string;
  readonly for: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}

export interface RecordingRule {
  readonly record: string;
  readonly expr: string;
  readonly labels?: Readonly<Record<string, string>>;
}

export type Rule = AlertRule | RecordingRule;

export interface RuleGroup {
  readonly name: string;
  readonly interval?: string;
  readonly rules: readonly Rule[];
}

export const isAlert = (rule: Rule): rule is AlertRule => "alert" in rule;
