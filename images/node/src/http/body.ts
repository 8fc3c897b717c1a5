/** Receives the bodies of requests, in bounded time and memory. */
import type { IncomingMessage } from "node:http";
import type { Admission } from "../admission";
import { badRequest, callerLeft, HttpError } from "./errors";
import { formFields, jsonFields, type Fields } from "./fields";
import { LIMITS } from "./input";

/** Smaller bodies do not reserve memory, bytes. */
const SMALL_BYTES = 16 * 1024;
/** A body is in memory three times: as bytes, as text and as parsed fields. */
const COPIES_IN_MEMORY = 3;
/**
 * Time allowed for a body to arrive, counted from the request's head. The front sends bodies of 16 KB or more only when
 * complete.
 */
const ARRIVAL_SECONDS = 10;

/**
 * Calls `use` with the fields of the request's body, which is JSON or a form. Memory for a large body is reserved
 * before it is read, and released when `use` has finished.
 */
export async function withFields<T>(
  request: IncomingMessage,
  admission: Admission,
  use: (fields: Fields) => Promise<T>,
): Promise<T> {
  const release = reserve(request, admission);
  try {
    return await use(await readFields(request, admission));
  } finally {
    release?.();
  }
}

function reserve(request: IncomingMessage, admission: Admission): (() => void) | undefined {
  const declared = request.headers["content-length"];
  // without a content-length, assume the maximum
  const bytes = Math.min(Number(declared ?? LIMITS.bodyBytes), LIMITS.bodyBytes);
  return bytes < SMALL_BYTES ? undefined : admission.reserve(bytes * COPIES_IN_MEMORY);
}

/** The fields, without a reservation of memory. */
export async function readFields(request: IncomingMessage, admission: Admission): Promise<Fields> {
  const type = (request.headers["content-type"] ?? "").split(";")[0]!.trim().toLowerCase();
  if (type !== "application/json" && type !== "application/x-www-form-urlencoded") {
    throw badRequest("content-type must be application/json or application/x-www-form-urlencoded");
  }
  if (Number(request.headers["content-length"] ?? 0) > LIMITS.bodyBytes) throw tooLarge();
  // a body that arrived with the head is parsed after this turn
  await undefined;
  const { whole, giveUp } = collect(request);
  const body = await (request.complete ? whole : admission.whileArriving(whole, giveUp));
  return type === "application/json" ? jsonFields(body) : formFields(body);
}

const tooLarge = () => new HttpError(413, `the body is larger than ${LIMITS.bodyBytes} bytes`);

/** The whole body. Once it is rejected, the rest is discarded as it arrives. */
function collect(request: IncomingMessage): { whole: Promise<Buffer>; giveUp: (error: Error) => void } {
  let chunks: Buffer[] | undefined = [];
  let size = 0;
  let timer: NodeJS.Timeout | undefined;
  let giveUp!: (error: Error) => void;
  const whole = new Promise<Buffer>((resolve, reject) => {
    giveUp = (error) => {
      clearTimeout(timer);
      chunks = undefined;
      reject(error);
    };
    request.on("data", (chunk: Buffer) => {
      size += chunk.length;
      if (size > LIMITS.bodyBytes) giveUp(tooLarge());
      else chunks?.push(chunk);
    });
    request.once("end", () => {
      clearTimeout(timer);
      if (chunks) resolve(Buffer.concat(chunks));
    });
    // without a listener, an error would end the process; close follows
    request.once("error", () => undefined);
    request.once("close", () => {
      if (!request.complete) giveUp(callerLeft());
    });
  });
  if (!request.complete) {
    const late = () => giveUp(new HttpError(408, `the body did not arrive within ${ARRIVAL_SECONDS} s`));
    timer = setTimeout(late, ARRIVAL_SECONDS * 1000);
  }
  return { whole, giveUp };
}
