import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** What the tests and their processes leave in the folder for temporary files goes when they end. */
export default function setup(): () => void {
  const dir = mkdtempSync(join(tmpdir(), "api-tests-"));
  process.env["TMPDIR"] = dir;
  return () => rmSync(dir, { recursive: true, force: true });
}
