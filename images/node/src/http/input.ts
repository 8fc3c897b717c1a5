/** Reads and judges what callers send. */
import type { IncomingMessage } from "node:http";
import type { Admission } from "../admission";
import { badRequest, HttpError } from "./errors";
import type { Consistency } from "../redis/store";

export const LIMITS = { idBytes: 1024, valueBytes: 1024 * 1024, bodyBytes: 1.5 * 1024 * 1024 } as const;

/** The body's fields: a JSON object or a form. Null prototype, so that no name is special. */
export async function readFields(request: IncomingMessage): Promise<Record<string, unknown>> {
  const type = (request.headers["content-type"] ?? "").split(";")[0]!.trim().toLowerCase();
  if (type !== "application/json" && type !== "application/x-www-form-urlencoded") {
    throw badRequest("content-type must be application/json or application/x-www-form-urlencoded");
  }
  const text = await readBody(request);
  if (type !== "application/json")
    return Object.assign(Object.create(null), Object.fromEntries(new URLSearchParams(text)));
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch {
    throw badRequest("the body is not JSON");
  }
  if (typeof body !== "object" || body === null || Array.isArray(body))
    throw badRequest("the body must be a JSON object");
  return Object.assign(Object.create(null), body) as Record<string, unknown>;
}

/** Bodies below this size are too small to be counted, bytes. */
const SMALL_BYTES = 16 * 1024;
/** A body is in memory as bytes, as text and as its parsed fields. */
const COPIES_IN_MEMORY = 3;

/** Takes a large body's memory on before it is read; undefined where there is none to speak of. */
export function reserveFor(request: IncomingMessage, admission: Admission): (() => void) | undefined {
  const declared = request.headers["content-length"];
  // a body that does not say its size may be as large as any
  const bytes = Math.min(Number(declared ?? LIMITS.bodyBytes), LIMITS.bodyBytes);
  return bytes < SMALL_BYTES ? undefined : admission.reserve(bytes * COPIES_IN_MEMORY);
}

async function readBody(request: IncomingMessage): Promise<string> {
  const tooLarge = () => new HttpError(413, `the body is larger than ${LIMITS.bodyBytes} bytes`);
  if (Number(request.headers["content-length"] ?? 0) > LIMITS.bodyBytes) throw tooLarge();
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > LIMITS.bodyBytes) throw tooLarge();
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

/** A key: text of 1 to 1,024 bytes. */
export function checkId(id: unknown): string {
  if (id === undefined || id === null) throw badRequest("id is missing");
  if (typeof id !== "string") throw badRequest("id must be text");
  const bytes = Buffer.byteLength(id);
  if (bytes === 0) throw badRequest("id is empty");
  if (bytes > LIMITS.idBytes) throw badRequest(`id is ${bytes} bytes long, at most ${LIMITS.idBytes}`);
  return id;
}

/** A value: text of at most 1 MiB; numbers and booleans count as their text. */
export function checkValue(value: unknown): string {
  if (value === undefined || value === null) throw badRequest("val is missing");
  if (typeof value === "object") throw badRequest("val must be text");
  const text = String(value);
  const bytes = Buffer.byteLength(text);
  if (bytes > LIMITS.valueBytes) throw new HttpError(413, `val is ${bytes} bytes long, at most ${LIMITS.valueBytes}`);
  return text;
}

/** The header `Consistency`: `strong` reads from main, so what was written before is seen. */
export function consistencyOf(header: string | string[] | undefined): Consistency {
  if (header === undefined || header === "eventual") return "eventual";
  if (header === "strong") return "strong";
  throw badRequest("Consistency must be strong or eventual");
}
