/** Reads a growing file of records; each call reads only the new ones. */
import * as fs from "node:fs";
import { parseLine, type Recorded } from "./record";

export class Tail {
  readonly records: Recorded[] = [];
  private at = 0;
  private rest = "";

  constructor(private readonly file: string) {}

  /** Reads the lines appended since the last call. @returns all records so far */
  read(): readonly Recorded[] {
    if (!fs.existsSync(this.file)) return this.records;
    const fd = fs.openSync(this.file, "r");
    try {
      const size = fs.fstatSync(fd).size;
      const buffer = Buffer.alloc(size - this.at);
      this.at += fs.readSync(fd, buffer, 0, buffer.length, this.at);
      const lines = (this.rest + buffer.toString("utf8")).split("\n");
      this.rest = lines.pop()!;
      for (const line of lines) this.records.push(parseLine(line));
    } finally {
      fs.closeSync(fd);
    }
    return this.records;
  }
}
