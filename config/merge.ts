/** Merges maps deeply; any other value in `over` replaces the one in `base`. */
export function merge(base: unknown, over: unknown): Record<string, unknown> {
  const isMap = (v: unknown): v is Record<string, unknown> => typeof v === "object" && v !== null && !Array.isArray(v);
  const out: Record<string, unknown> = isMap(base) ? { ...base } : {};
  for (const [k, v] of Object.entries(isMap(over) ? over : {}))
    out[k] = isMap(v) && isMap(out[k]) ? merge(out[k], v) : v;
  return out;
}
