import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** At the end, deletes the temporary files of the tests and of the processes that they start. */
export default function setup(): () => void {
  const dir = mkdtempSync(join(tmpdir(), "scaler-tests-"));
  process.env["TMPDIR"] = dir;
  return () => rmSync(dir, { recursive: true, force: true });
}
