/** Hides what may be secret before something is printed. */
const SECRET_KEY = /passw(or)?d|token|secretValue|apiKey|credential/i;
const URL_LOGIN = /(\w+:\/\/)[^/@\s]+@/g;

export const Redacted = {
  /** Deep copy in which secret-looking keys and logins inside URLs are replaced by `***`. */
  copy(value: unknown, key = ""): unknown {
    if (Array.isArray(value)) return value.map((v) => Redacted.copy(v, key));
    if (typeof value === "object" && value !== null) {
      return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, Redacted.copy(v, k)]));
    }
    if (typeof value !== "string") return value;
    return SECRET_KEY.test(key) ? "***" : value.replace(URL_LOGIN, "$1***@");
  },
};
