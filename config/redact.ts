/** Redacts values that may be secret before they are printed. */
const SECRET_KEY = /passw(or)?d|token|secretValue|apiKey|credential/i;
const URL_LOGIN = /(\w+:\/\/)[^/@\s]+@/g;

/** A deep copy in which `***` replaces logins inside URLs, and values whose key looks secret. */
export function redact(value: unknown, key = ""): unknown {
  if (Array.isArray(value)) return value.map((v) => redact(v, key));
  if (typeof value === "object" && value !== null) {
    return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, redact(v, k)]));
  }
  if (typeof value !== "string") return value;
  return SECRET_KEY.test(key) ? "***" : value.replace(URL_LOGIN, "$1***@");
}
