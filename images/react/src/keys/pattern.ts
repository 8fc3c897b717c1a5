/** Turns a search into a Redis pattern that matches anywhere in the key, ignoring case. */

/** The API accepts patterns of up to 256 bytes. A longer search is case-sensitive. */
const MAX_BYTES = 256;

export function patternOf(text: string): string | undefined {
  if (text === "") return undefined;
  const escape = (c: string): string => (/[*?[\]\\^]/.test(c) ? `\\${c}` : c);
  // ASCII only: a Redis character class matches single bytes
  const anyCase = (c: string): string => (/[a-z]/i.test(c) ? `[${c.toLowerCase()}${c.toUpperCase()}]` : escape(c));
  const pattern = `*${[...text].map(anyCase).join("")}*`;
  const size = new TextEncoder().encode(pattern).length;
  return size <= MAX_BYTES ? pattern : `*${[...text].map(escape).join("")}*`;
}
