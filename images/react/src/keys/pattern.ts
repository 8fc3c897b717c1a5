/** What is typed into the search, as a pattern of Redis: found anywhere in the key, in either case. */

/** The API takes patterns up to 1,024 bytes. */
const MOST_BYTES = 1024;

export function patternOf(text: string): string | undefined {
  if (text === "") return undefined;
  const literal = (c: string): string => (/[*?[\]\\^]/.test(c) ? `\\${c}` : c);
  // only ASCII: a class of Redis holds single bytes
  const anyCase = (c: string): string => (/[a-z]/i.test(c) ? `[${c.toLowerCase()}${c.toUpperCase()}]` : literal(c));
  const pattern = `*${[...text].map(anyCase).join("")}*`;
  const size = new TextEncoder().encode(pattern).length;
  return size <= MOST_BYTES ? pattern : `*${[...text].map(literal).join("")}*`;
}
