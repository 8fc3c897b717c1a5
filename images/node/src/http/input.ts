/** Reads and validates what callers send. */
import type { IncomingMessage } from "node:http";
import type { Admission } from "../admission";
import { badRequest, HttpError } from "./errors";
import { formFields, jsonFields, type Fields } from "./fields";
import type { Consistency } from "../redis/store";

export const LIMITS = { idBytes: 1024, valueBytes: 1024 * 1024, bodyBytes: 1.5 * 1024 * 1024 } as const;

/** The fields of the request's body, which is JSON or a form. */
export async function readFields(request: IncomingMessage): Promise<Fields> {
  const type = (request.headers["content-type"] ?? "").split(";")[0]!.trim().toLowerCase();
  if (type !== "application/json" && type !== "application/x-www-form-urlencoded") {
    throw badRequest("content-type must be application/json or application/x-www-form-urlencoded");
  }
  const body = await readBody(request);
  return type === "application/json" ? jsonFields(body) : formFields(body);
}

/** Smaller bodies do not reserve memory, bytes. */
const SMALL_BYTES = 16 * 1024;
/** A body is in memory three times: as bytes, as text and as parsed fields. */
const COPIES_IN_MEMORY = 3;

/** Reserves memory for a large body before it is read; undefined if the body is small. */
export function reserveFor(request: IncomingMessage, admission: Admission): (() => void) | undefined {
  const declared = request.headers["content-length"];
  // without a content-length, assume the maximum
  const bytes = Math.min(Number(declared ?? LIMITS.bodyBytes), LIMITS.bodyBytes);
  return bytes < SMALL_BYTES ? undefined : admission.reserve(bytes * COPIES_IN_MEMORY);
}

async function readBody(request: IncomingMessage): Promise<Buffer> {
  const tooLarge = () => new HttpError(413, `the body is larger than ${LIMITS.bodyBytes} bytes`);
  if (Number(request.headers["content-length"] ?? 0) > LIMITS.bodyBytes) throw tooLarge();
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > LIMITS.bodyBytes) throw tooLarge();
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** A valid key: 1 to 1,024 bytes of text. */
export function checkId(id: unknown): string {
  if (id === undefined || id === null) throw badRequest("id is missing");
  if (typeof id !== "string") throw badRequest("id must be text");
  const bytes = Buffer.byteLength(id);
  if (bytes === 0) throw badRequest("id is empty");
  if (bytes > LIMITS.idBytes) throw badRequest(`id is ${bytes} bytes long, at most ${LIMITS.idBytes}`);
  return id;
}

/** A valid value: at most 1 MiB of text. Numbers and booleans are converted to text. */
export function checkValue(value: unknown): string {
  if (value === undefined || value === null) throw badRequest("val is missing");
  if (typeof value === "object") throw badRequest("val must be text");
  const text = String(value);
  const bytes = Buffer.byteLength(text);
  if (bytes > LIMITS.valueBytes) throw new HttpError(413, `val is ${bytes} bytes long, at most ${LIMITS.valueBytes}`);
  return text;
}

/** The header `Consistency`: `strong` reads from main and so sees all earlier writes. */
export function consistencyOf(header: string | string[] | undefined): Consistency {
  if (header === undefined || header === "eventual") return "eventual";
  if (header === "strong") return "strong";
  throw badRequest("Consistency must be strong or eventual");
}
