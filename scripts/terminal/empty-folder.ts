/** Where a command that writes a whole tree may write. */
import * as fs from "node:fs";
import * as path from "node:path";
import { Failure } from "./ui";

/** The folder's absolute path. @throws {Failure} where it holds anything: nothing of somebody's is mixed with ours or lost */
export function emptyFolder(command: string, folder: string): string {
  const out = path.resolve(process.cwd(), folder);
  if (fs.existsSync(out) && fs.readdirSync(out).length) {
    throw new Failure(
      `${out} is not empty; nothing was written.`,
      `Name another folder: npm run ${command} -- --out FOLDER`,
    );
  }
  return out;
}
