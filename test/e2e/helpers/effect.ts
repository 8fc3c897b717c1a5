/** How a change affects callers: reads through the front, and a ledger's writes. */
import type { startLedger } from "./ledger";
import { startLoad } from "./load";
import { app, eventually, isReady, kube, workloadPods, type Outcome } from "./system";

export interface Effect {
  /** Longest time without an acknowledged write, in seconds. */
  readonly gap: number;
  /** Writes that were not acknowledged. */
  readonly failed: number;
  /** Duration of the whole change, until every pod is Ready and writes resume, in seconds. */
  readonly seconds: number;
  /** Number of reads sent; each was answered with 404, because every key is absent. */
  readonly reads: number;
}

/** Longest waits until every pod is Ready and until writes resume, in seconds. */
const READY_SECONDS = 180;
const WRITES_SECONDS = 60;

/** Recent log lines of the API pods, including the reason for each failure. */
async function logsOfApi(): Promise<string> {
  const args = ["-l", "app.kubernetes.io/name=node", "--prefix", "--tail=300", "--max-log-requests=20"];
  return kube.raw(["-n", app, "logs", ...args]);
}

/** @throws if the change fails, or a read is not answered */
export async function effectOf(
  name: string,
  ledger: Awaited<ReturnType<typeof startLedger>>,
  change: () => Promise<Outcome>,
): Promise<Effect> {
  const load = await startLoad(80, 600);
  const at = Date.now();
  const failedBefore = await ledger.failed();
  try {
    expect((await change()).code).toBe(0);
    await eventually("every pod to be Ready", READY_SECONDS, async () =>
      (await workloadPods()).every(isReady) ? true : undefined,
    );
    await ledger.waitForWrites(WRITES_SECONDS);
    const gap = await ledger.longestGap(at);
    const failed = (await ledger.failed()) - failedBefore;
    if (failed > 0) console.log(await ledger.refused());
    const { sent, seen, failures } = await load.end();
    const seconds = Math.round((Date.now() - at) / 1000);
    console.log(
      `${name}: ${sent} reads, answers ${JSON.stringify(seen)}; ${gap.toFixed(1)} s without a write, ${failed} failed; ${seconds} s`,
    );
    if (failures.length > 0) console.log(failures, await logsOfApi());
    // every key is absent
    expect(seen).toEqual({ 404: sent });
    return { gap, failed, seconds, reads: sent };
  } finally {
    await load.remove();
  }
}
