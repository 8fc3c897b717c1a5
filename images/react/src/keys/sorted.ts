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

/** Where `key` is, or would be; found by halving: the list may be long, and somebody waits. */
function place(keys: readonly string[], key: string): number {
  let low = 0;
  let high = keys.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (keys[middle]! < key) low = middle + 1;
    else high = middle;
  }
  return low;
}
export const has = (keys: readonly string[], key: string): boolean => keys[place(keys, key)] === key;

export const withKey = (keys: readonly string[], key: string): readonly string[] =>
  has(keys, key) ? keys : keys.toSpliced(place(keys, key), 0, key);

export const withoutKey = (keys: readonly string[], key: string): readonly string[] =>
  has(keys, key) ? keys.toSpliced(place(keys, key), 1) : keys;
