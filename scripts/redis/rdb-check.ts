/** Redis' snapshot format as far as a whole file can be told from one that is cut or damaged. */
import * as fs from "node:fs";
import { Failure } from "../terminal/ui";

export interface Snapshot {
  /** Of the format, such as 12; an older server refuses a newer one. */
  readonly version: number;
  readonly bytes: number;
  /** Whether its checksum was there to be compared. */
  readonly checked: boolean;
}

/** Header "REDIS0012", an end mark, eight bytes of CRC. */
const HEAD = 9;
const TAIL = 8;
const CHUNK = 1 << 20;

/** CRC-64 of Jones, reflected, as 256 pairs of 32 bits: [low, high, low, …]. */
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

/** Redis' checksum of what it has been given so far. */
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

/** Random letters that follow a snapshot which main sends without a file in between; `redis-cli --rdb -` leaves them on. */
const MARK = /^[0-9a-f]{40}$/;
const MARK_BYTES = 40;

/** Takes the mark off, where there is one: a snapshot's own end is none. */
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

/** @throws Failure saying what is wrong: no such file, no snapshot, cut, or damaged */
export function checkSnapshot(file: string): Snapshot {
  const refuse = (why: string) => new Failure(`${file} ${why}; nothing was changed.`);
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
    if (!version) throw refuse("is no snapshot of Redis");
    const tail = Buffer.alloc(TAIL + 1);
    if (size < HEAD + TAIL + 1) throw refuse("is cut off");
    fs.readSync(fd, tail, 0, TAIL + 1, size - TAIL - 1);
    if (tail[0] !== 0xff) throw refuse("is cut off or damaged: it does not end as a snapshot does");
    const told = tail.readBigUInt64LE(1);
    if (told === 0n) return { version: Number(version), bytes: size, checked: false };
    const crc = new Crc64();
    const chunk = Buffer.alloc(CHUNK);
    for (let at = 0; at < size - TAIL;) {
      const read = fs.readSync(fd, chunk, 0, Math.min(CHUNK, size - TAIL - at), at);
      if (!read) throw refuse("became shorter while it was read");
      crc.update(chunk.subarray(0, read));
      at += read;
    }
    if (crc.value !== told) throw refuse("is damaged: its checksum does not fit");
    return { version: Number(version), bytes: size, checked: true };
  } finally {
    fs.closeSync(fd);
  }
}
