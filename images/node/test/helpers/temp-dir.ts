import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Deletes the temporary files of the tests and of their processes at the end. */
export default function setup(): () => void {
  const dir = mkdtempSync(join(tmpdir(), "api-tests-"));
  process.env["TMPDIR"] = dir;
  return () => rmSync(dir, { recursive: true, force: true });
}
