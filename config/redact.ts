/** Hides what may be secret before something is printed. */
const SECRET_KEY = /passw(or)?d|token|secretValue|apiKey|credential/i;
const URL_LOGIN = /(\w+:\/\/)[^/@\s]+@/g;

/** Deep copy in which values of secret-looking keys and logins inside URLs are replaced by `***`. */
export function redact(value: unknown, key = ""): unknown {
  if (Array.isArray(value)) return value.map((v) => redact(v, key));
  if (typeof value === "object" && value !== null) {
    return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, redact(v, k)]));
  }
  if (typeof value !== "string") return value;
  return SECRET_KEY.test(key) ? "***" : value.replace(URL_LOGIN, "$1***@");
}
