import { Check, Circle, LoaderCircle, ShieldCheck, X } from "lucide";
import { Icon } from "../icon";
import { useState } from "react";
import { t } from "../text";
import { type Outcome, STEPS } from "./steps";

/** A button that runs the system check step by step. */
export function SystemCheck() {
  const [outcomes, setOutcomes] = useState<readonly Outcome[]>();
  const [running, setRunning] = useState(false);
  const run = async () => {
    if (running) return;
    setRunning(true);
    setOutcomes([]);
    const { check } = await import("./check");
    for await (const outcome of check()) setOutcomes((all = []) => [...all, outcome]);
    setRunning(false);
  };
  const failed = outcomes?.some((o) => !o.ok) ?? false;
  return (
    <section className="panel check" aria-labelledby="check-title">
      <h2 id="check-title">
        <Icon of={ShieldCheck} /> {t.check}
      </h2>
      <p className="muted">{t.checkHint}</p>
      <button onClick={() => void run()} aria-disabled={running}>
        {running ? t.running : t.run}
      </button>
      {outcomes && (
        <ol className="steps">
          {STEPS.map((step, i) => {
            const outcome = outcomes[i];
            const state = outcome ? (outcome.ok ? "ok" : "failed") : running && i === outcomes.length ? "now" : "open";
            const icon = { ok: Check, failed: X, now: LoaderCircle, open: Circle }[state];
            return (
              <li key={step} className={state} data-step={step} data-state={state}>
                <Icon of={icon} /> <span>{t.steps[step]}</span> <span className="muted">{outcome?.detail ?? ""}</span>
              </li>
            );
          })}
        </ol>
      )}
      <p role="status" className={failed ? "verdict error" : "verdict done"}>
        {outcomes && !running ? (failed ? t.failed : t.passed) : ""}
      </p>
    </section>
  );
}
