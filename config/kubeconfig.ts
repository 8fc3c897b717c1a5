/** Reads the current context from kubeconfig files. */
import * as fs from "node:fs";
import { parse } from "yaml";

/**
 * The first current context in these files, as Kubernetes clients merge them; undefined if there is none. A file that
 * cannot be read counts as empty, because kubectl reports the problem.
 */
export function currentContext(files: readonly string[]): string | undefined {
  for (const file of files) {
    try {
      const content = parse(fs.readFileSync(file, "utf8")) as { "current-context"?: unknown } | null;
      const name = content?.["current-context"];
      if (typeof name === "string" && name !== "") return name;
    } catch {
      continue;
    }
  }
  return undefined;
}
