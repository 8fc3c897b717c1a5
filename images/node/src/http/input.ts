/** Reads and validates what callers send. */
import { badRequest, HttpError } from "./errors";
import type { Consistency } from "../redis/store";

export const LIMITS = { idBytes: 1024, valueBytes: 1024 * 1024, bodyBytes: 1.5 * 1024 * 1024 } as const;

/** A valid key: 1 to 1,024 bytes of text. */
export function checkId(id: unknown): string {
  if (id === undefined || id === null) throw badRequest("id is missing");
  if (typeof id !== "string") throw badRequest("id must be text");
  const bytes = Buffer.byteLength(checkText(id, "id"));
  if (bytes === 0) throw badRequest("id is empty");
  if (bytes > LIMITS.idBytes) throw badRequest(`id is ${bytes} bytes long, at most ${LIMITS.idBytes}`);
  return id;
}

/** A valid value: at most 1 MiB of text. Booleans are converted to text. */
export function checkValue(value: unknown): string {
  if (value === undefined || value === null) throw badRequest("val is missing");
  if (typeof value === "object") throw badRequest("val must be text");
  const text = checkText(String(value), "val");
  const bytes = Buffer.byteLength(text);
  if (bytes > LIMITS.valueBytes) throw new HttpError(413, `val is ${bytes} bytes long, at most ${LIMITS.valueBytes}`);
  return text;
}

/** An unpaired surrogate has no encoding in UTF-8: it would be stored as a different character. */
function checkText(text: string, what: string): string {
  if (!text.isWellFormed()) throw badRequest(`${what} is not valid Unicode: it contains an unpaired surrogate`);
  return text;
}

/** The `Consistency` header: `strong` reads from main and therefore sees all earlier writes. */
export function consistencyOf(header: string | string[] | undefined): Consistency {
  if (header === undefined || header === "eventual") return "eventual";
  if (header === "strong") return "strong";
  throw badRequest("Consistency must be strong or eventual");
}
