export const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Resolves once `holds` returns true. The time limit is long because the machine may be busy. */
export async function eventually(what: string, holds: () => boolean | Promise<boolean>, ms = 15_000): Promise<void> {
  for (const end = performance.now() + ms; performance.now() < end; await pause(20)) if (await holds()) return;
  throw new Error(`waited ${ms / 1000} s for ${what}`);
}
