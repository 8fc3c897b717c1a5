/** The system check: the whole way of a key through every part, each step with what it showed. */
import { deleteKey, getCopies, getValueFrom, setValue } from "../api";
import { t } from "../text";
import { type Outcome, type Step, STEPS } from "./steps";

/** Replicas have so long to follow, ms. */
const PATIENCE_MS = 5000;
const POLL_MS = 20;
const READS = 10;

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
async function timed<T>(run: () => Promise<T>): Promise<[T, string]> {
  const begin = performance.now();
  const value = await run();
  return [value, t.ms(performance.now() - begin)];
}

/** Runs the steps in turn; after the first that fails the key is deleted and the rest left out. */
export async function* check(): AsyncGenerator<Outcome> {
  const id = `system-check-${crypto.getRandomValues(new Uint32Array(1))[0]!.toString(36)}`;
  const value = new Date().toISOString();
  let wrote = 0;

  /** Waits until every replica is where main is. @returns the names of those that are not */
  async function follow(): Promise<{ count: number; late: string[] }> {
    for (;;) {
      const { replicas } = await getCopies(id);
      const late = replicas.filter((r) => !r.same).map((r) => `${r.name}${r.reason ? ` (${r.reason})` : ""}`);
      if (late.length === 0 || performance.now() - wrote > PATIENCE_MS) return { count: replicas.length, late };
      await pause(POLL_MS);
    }
  }
  const run: Record<Step, () => Promise<Omit<Outcome, "step">>> = {
    write: async () => {
      const [, ms] = await timed(() => setValue(id, value));
      wrote = performance.now();
      return { ok: true, detail: t.roundTrip(ms) };
    },
    main: async () => {
      const [found, ms] = await timed(() => getValueFrom("main", id));
      return found === value ? { ok: true, detail: t.roundTrip(ms) } : { ok: false, detail: t.wrongValue };
    },
    copies: async () => {
      const { count, late } = await follow();
      if (late.length > 0) return { ok: false, detail: t.missing(late.join(", ")) };
      const within = t.ms(performance.now() - wrote);
      return { ok: true, detail: count === 0 ? t.noReplicas : t.copiesAfter(count, within) };
    },
    read: async () => {
      const times: number[] = [];
      for (let i = 0; i < READS; i++) {
        const begin = performance.now();
        if ((await getValueFrom("replicas", id)) !== value) return { ok: false, detail: t.wrongValue };
        times.push(performance.now() - begin);
      }
      return { ok: true, detail: t.median(READS, t.ms(times.sort((a, b) => a - b)[READS / 2]!)) };
    },
    remove: async () => {
      const [, ms] = await timed(() => deleteKey(id));
      wrote = performance.now();
      const { late } = await follow();
      return late.length > 0
        ? { ok: false, detail: t.stillThere(late.join(", ")) }
        : { ok: true, detail: t.roundTrip(ms) };
    },
  };
  for (const step of STEPS) {
    const outcome = await run[step]().catch((error: Error) => ({ ok: false, detail: error.message }));
    yield { step, ...outcome };
    if (outcome.ok) continue;
    // nothing of the check stays behind, as far as that can be had
    if (step !== "remove") await deleteKey(id).catch(() => undefined);
    return;
  }
}
