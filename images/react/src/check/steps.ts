/** The steps of the system check, in their order; what runs them is loaded when it is asked for. */
export const STEPS = ["write", "main", "copies", "read", "remove"] as const;
export type Step = (typeof STEPS)[number];
export interface Outcome {
  readonly step: Step;
  readonly ok: boolean;
  /** What it showed, or why it failed, in words. */
  readonly detail: string;
}
