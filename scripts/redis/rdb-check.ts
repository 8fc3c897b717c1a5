/** Checks whether a Redis snapshot (RDB file) is complete and undamaged. */
import * as fs from "node:fs";
import { Failure } from "../terminal/ui";

export interface Snapshot {
  /** Version of the format, such as 12; an older server rejects a newer one. */
  readonly version: number;
  readonly bytes: number;
  /** Whether it has a checksum, which was then verified. */
  readonly checked: boolean;
}

/** Header "REDIS0012", an end mark, eight bytes of CRC. */
const HEAD = 9;
const TAIL = 8;
const CHUNK = 1 << 20;

/** Table of CRC-64 (Jones, reflected): 256 pairs of 32-bit halves, [low, high, low, …]. */
const TABLE = (() => {
  const table = new Uint32Array(512);
  const [polyLow, polyHigh] = [0xac4bc9b5, 0x95ac9329];
  for (let byte = 0; byte < 256; byte++) {
    let low = byte;
    let high = 0;
    for (let bit = 0; bit < 8; bit++) {
      const odd = low & 1;
      low = ((low >>> 1) | (high << 31)) >>> 0;
      high >>>= 1;
      if (odd) {
        low = (low ^ polyLow) >>> 0;
        high = (high ^ polyHigh) >>> 0;
      }
    }
    table[2 * byte] = low;
    table[2 * byte + 1] = high;
  }
  return table;
})();

/** Redis' checksum, computed incrementally. */
export class Crc64 {
  private low = 0;
  private high = 0;

  update(bytes: Uint8Array): this {
    let { low, high } = this;
    for (const byte of bytes) {
      const at = 2 * ((low ^ byte) & 0xff);
      low = (((low >>> 8) | (high << 24)) ^ TABLE[at]!) >>> 0;
      high = ((high >>> 8) ^ TABLE[at + 1]!) >>> 0;
    }
    this.low = low;
    this.high = high;
    return this;
  }

  get value(): bigint {
    return (BigInt(this.high) << 32n) | BigInt(this.low);
  }
}

/** Random end marker of a diskless transfer, which `redis-cli --rdb -` does not strip. */
const MARK = /^[0-9a-f]{40}$/;
const MARK_BYTES = 40;

/** Removes the end marker, if there is one. The end of a snapshot itself never looks like one. */
export function dropMark(file: string): void {
  const { size } = fs.statSync(file);
  if (size < MARK_BYTES) return;
  const fd = fs.openSync(file, "r+");
  try {
    const end = Buffer.alloc(MARK_BYTES);
    fs.readSync(fd, end, 0, MARK_BYTES, size - MARK_BYTES);
    if (MARK.test(end.toString("latin1"))) fs.ftruncateSync(fd, size - MARK_BYTES);
  } finally {
    fs.closeSync(fd);
  }
}

/**
 * @param next the next step after a failure
 * @throws Failure with the reason: no such file, not a snapshot, truncated, or damaged
 */
export function checkSnapshot(file: string, next?: string): Snapshot {
  const refuse = (why: string) => new Failure(`${file} ${why}; nothing was changed.`, next);
  let fd: number;
  try {
    fd = fs.openSync(file, "r");
  } catch (error) {
    throw refuse(`cannot be read (${(error as NodeJS.ErrnoException).code})`);
  }
  try {
    const { size } = fs.fstatSync(fd);
    const head = Buffer.alloc(HEAD);
    fs.readSync(fd, head, 0, HEAD, 0);
    const version = /^REDIS(\d{4})$/.exec(head.toString("latin1"))?.[1];
    if (!version) throw refuse("is not a Redis snapshot");
    const tail = Buffer.alloc(TAIL + 1);
    if (size < HEAD + TAIL + 1) throw refuse("is truncated");
    fs.readSync(fd, tail, 0, TAIL + 1, size - TAIL - 1);
    if (tail[0] !== 0xff) throw refuse("is truncated or damaged: its end marker is missing");
    const expected = tail.readBigUInt64LE(1);
    if (expected === 0n) return { version: Number(version), bytes: size, checked: false };
    const crc = new Crc64();
    const chunk = Buffer.alloc(CHUNK);
    for (let at = 0; at < size - TAIL;) {
      const read = fs.readSync(fd, chunk, 0, Math.min(CHUNK, size - TAIL - at), at);
      if (!read) throw refuse("was truncated while it was read");
      crc.update(chunk.subarray(0, read));
      at += read;
    }
    if (crc.value !== expected) throw refuse("is damaged: its checksum does not match");
    return { version: Number(version), bytes: size, checked: true };
  } finally {
    fs.closeSync(fd);
  }
}
