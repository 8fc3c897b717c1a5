/** The output folder of a command that writes many files. */
import * as fs from "node:fs";
import * as path from "node:path";
import { Failure } from "./ui";

/** The folder's absolute path. @throws {Failure} if it is not empty, so that no existing file is overwritten */
export function emptyFolder(command: string, folder: string): string {
  const out = path.resolve(process.cwd(), folder);
  if (fs.existsSync(out) && fs.readdirSync(out).length) {
    throw new Failure(
      `${out} is not empty; nothing was written.`,
      `Choose another folder: npm run ${command} -- --out FOLDER`,
    );
  }
  return out;
}
