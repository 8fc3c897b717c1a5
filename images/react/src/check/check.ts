/** The system check: sends a key through every component and reports the result of each step. */
import { deleteKey, getCopies, getValueFrom, setValue } from "../api";
import { t } from "../text";
import { type Outcome, type Step, STEPS } from "./steps";

/** How long replicas have to catch up, in ms. */
const CATCH_UP_MS = 5000;
const POLL_MS = 20;
const READS = 10;

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
async function timed<T>(run: () => Promise<T>): Promise<[T, string]> {
  const start = performance.now();
  const value = await run();
  return [value, t.ms(performance.now() - start)];
}

/** Runs the steps in order; after a failure it deletes the key and skips the remaining steps. */
export async function* check(): AsyncGenerator<Outcome> {
  const id = `system-check-${crypto.getRandomValues(new Uint32Array(1))[0]!.toString(36)}`;
  const value = new Date().toISOString();
  let wroteAt = 0;

  /** Waits until every replica agrees with main. @returns the replicas that are late, with the reason */
  async function waitForReplicas(): Promise<{ count: number; late: string[] }> {
    for (;;) {
      const { replicas } = await getCopies(id);
      const late = replicas.filter((r) => !r.same).map((r) => `${r.name}${r.reason ? ` (${r.reason})` : ""}`);
      if (late.length === 0 || performance.now() - wroteAt > CATCH_UP_MS) return { count: replicas.length, late };
      await pause(POLL_MS);
    }
  }
  const run: Record<Step, () => Promise<Omit<Outcome, "step">>> = {
    write: async () => {
      const [, ms] = await timed(() => setValue(id, value));
      wroteAt = performance.now();
      return { ok: true, detail: t.roundTrip(ms) };
    },
    main: async () => {
      const [found, ms] = await timed(() => getValueFrom("main", id));
      return found === value ? { ok: true, detail: t.roundTrip(ms) } : { ok: false, detail: t.wrongValue };
    },
    copies: async () => {
      const { count, late } = await waitForReplicas();
      if (late.length > 0) return { ok: false, detail: t.missing(late.join(", ")) };
      const within = t.ms(performance.now() - wroteAt);
      return { ok: true, detail: count === 0 ? t.noReplicas : t.copiesAfter(count, within) };
    },
    read: async () => {
      const times: number[] = [];
      for (let i = 0; i < READS; i++) {
        const start = performance.now();
        if ((await getValueFrom("replicas", id)) !== value) return { ok: false, detail: t.wrongValue };
        times.push(performance.now() - start);
      }
      return { ok: true, detail: t.median(READS, t.ms(times.sort((a, b) => a - b)[READS / 2]!)) };
    },
    remove: async () => {
      const [, ms] = await timed(() => deleteKey(id));
      wroteAt = performance.now();
      const { late } = await waitForReplicas();
      return late.length > 0
        ? { ok: false, detail: t.stillThere(late.join(", ")) }
        : { ok: true, detail: t.roundTrip(ms) };
    },
  };
  for (const step of STEPS) {
    const outcome = await run[step]().catch((error: Error) => ({ ok: false, detail: error.message }));
    yield { step, ...outcome };
    if (outcome.ok) continue;
    // best effort: leave no test key behind
    if (step !== "remove") await deleteKey(id).catch(() => undefined);
    return;
  }
}
