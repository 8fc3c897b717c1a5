/** The steps of the system check, in order. Kept apart from check.ts, which is loaded only when a check starts. */
export const STEPS = ["write", "main", "copies", "read", "remove"] as const;
export type Step = (typeof STEPS)[number];
export interface Outcome {
  readonly step: Step;
  readonly ok: boolean;
  /** The measurement, or the reason for a failure, as shown on the page. */
  readonly detail: string;
}
