/** Receives request bodies in bounded time and memory. */
import type { IncomingMessage } from "node:http";
import type { Admission } from "../admission";
import type { BodyMemory } from "../memory";
import { badRequest, callerLeft, HttpError } from "./errors";
import { formFields, jsonFields, type Fields } from "./fields";
import { LIMITS } from "./input";
import { Pieces, SMALL_BYTES } from "./pieces";

/** A complete body is in memory three times: as bytes, as text and as parsed fields. */
const COPIES_IN_MEMORY = 3;
/** Time allowed for a body to arrive after the request's head, in seconds. */
const ARRIVAL_SECONDS = 10;
/**
 * A body that keeps arriving gets one second more for each of these bytes. The largest gets 25 s in total, as long as a
 * terminating pod waits for its requests.
 */
const BYTES_PER_EXTRA_SECOND = 100 * 1024;
const TOO_SLOW = `the body arrived too slowly: it has ${ARRIVAL_SECONDS} s, and one more for each ${BYTES_PER_EXTRA_SECOND / 1024} KiB received`;

/**
 * Calls `use` with the fields of the request body, which is JSON or a form. Memory for a large body is reserved as it
 * arrives, and released when `use` has finished.
 */
export async function withFields<T>(
  request: IncomingMessage,
  admission: Admission,
  use: (fields: Fields) => Promise<T>,
): Promise<T> {
  const type = (request.headers["content-type"] ?? "").split(";")[0]!.trim().toLowerCase();
  if (type !== "application/json" && type !== "application/x-www-form-urlencoded") {
    throw badRequest("content-type must be application/json or application/x-www-form-urlencoded");
  }
  if (Number(request.headers["content-length"] ?? 0) > LIMITS.bodyBytes) throw tooLarge();
  // a body that arrived with the head is parsed after this event-loop turn
  await undefined;
  const { whole, memory } = collect(request, admission);
  try {
    const body = await (request.complete ? whole : admission.whileArriving(whole, memory));
    return await use(type === "application/json" ? jsonFields(body) : formFields(body));
  } finally {
    memory.release();
  }
}

const tooLarge = () => new HttpError(413, `the body is larger than ${LIMITS.bodyBytes} bytes`);

/** Receives the whole body, and reserves memory for it. Once it is rejected, the rest is discarded as it arrives. */
function collect(request: IncomingMessage, admission: Admission): { whole: Promise<Buffer>; memory: BodyMemory } {
  const declared = request.headers["content-length"];
  let timer: NodeJS.Timeout | undefined;
  let memory!: BodyMemory;
  const whole = new Promise<Buffer>((resolve, reject) => {
    let pieces: Pieces | undefined;
    const giveUp = (error: unknown) => {
      clearTimeout(timer);
      pieces = undefined;
      reject(error as Error);
    };
    memory = admission.memory.body(giveUp);
    const reserve = (bytes: number) => {
      if (bytes > SMALL_BYTES) memory.grow(bytes);
    };
    pieces = new Pieces(declared === undefined ? undefined : Number(declared), reserve);
    request.on("data", (piece: Buffer) => {
      if (!pieces) return;
      if (pieces.size + piece.length > LIMITS.bodyBytes) return giveUp(tooLarge());
      try {
        pieces.add(piece);
        memory.received = pieces.size;
      } catch (error) {
        giveUp(error);
      }
    });
    request.once("end", () => {
      clearTimeout(timer);
      if (!pieces) return;
      try {
        if (pieces.size > SMALL_BYTES) memory.grow(pieces.size * COPIES_IN_MEMORY);
        memory.keep();
        resolve(pieces.whole());
      } catch (error) {
        giveUp(error);
      }
    });
    // without a listener, an error would end the process; close follows
    request.once("error", () => undefined);
    request.once("close", () => {
      if (!request.complete) giveUp(callerLeft());
    });
    const begin = performance.now();
    const checkTime = () => {
      const seconds = ARRIVAL_SECONDS + (pieces?.size ?? 0) / BYTES_PER_EXTRA_SECOND;
      const left = begin + seconds * 1000 - performance.now();
      if (left <= 0) return giveUp(new HttpError(408, TOO_SLOW));
      timer = setTimeout(checkTime, left);
    };
    if (!request.complete) checkTime();
  });
  return { whole, memory };
}
