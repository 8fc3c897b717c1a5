/** Keys come in pages without order; they are shown sorted, each once. */

/** Both are sorted; a key in both comes once. By code units: a hundred thousand keys in some milliseconds. */
export function merge(a: readonly string[], b: readonly string[]): string[] {
  const out: string[] = [];
  let i = 0;
  let j = 0;
  while (i < a.length || j < b.length) {
    const next = j >= b.length || (i < a.length && a[i]! <= b[j]!) ? a[i++]! : b[j++]!;
    if (out.at(-1) !== next) out.push(next);
  }
  return out;
}
