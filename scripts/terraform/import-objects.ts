/** Imports objects of the cluster with Terraform, without changing a state or the cluster. */
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { allDone } from "../terminal/all-done";
import { run as realRun, type Run } from "../terminal/run-program";
import { idOf, type Target } from "./cluster-object";
import type { StateFile, StateResource } from "./adopted-state";
import type { Terraform } from "./terraform";

const LIMIT_MS = 300_000;
/** Number of concurrent imports; each runs Terraform with a provider, which takes about 200 MB. */
const AT_ONCE = 4;

interface Stack {
  readonly terraform: { readonly required_providers?: object };
  readonly provider?: object;
}

/**
 * A folder with a Terraform configuration that contains only the layer's providers and the addresses of its resources.
 */
function scratchFolder(dir: string, targets: readonly Target[]): string {
  const { terraform, provider } = JSON.parse(fs.readFileSync(path.join(dir, "cdk.tf.json"), "utf8")) as Stack;
  const resource: Record<string, Record<string, object>> = {};
  for (const { address } of targets) {
    const [type, name] = address.split(".") as [string, string];
    // an import needs no arguments, and they would read the states of other layers
    (resource[type] ??= {})[name] = {};
  }
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "iacproject-import-"));
  const required = { required_providers: terraform.required_providers };
  fs.writeFileSync(path.join(folder, "main.tf.json"), JSON.stringify({ terraform: required, provider, resource }));
  return folder;
}

export interface ImportOptions {
  /** Terraform or OpenTofu. */
  readonly program: string;
  readonly onProgress?: (done: number) => void;
  readonly run?: Run;
}

/** The resources as Terraform would store them after an import; the layer's folder must be initialized. */
export async function importObjects(
  { dir }: Pick<Terraform, "dir">,
  targets: readonly Target[],
  { program, onProgress, run = realRun }: ImportOptions,
): Promise<StateResource[]> {
  if (!targets.length) return [];
  const folder = scratchFolder(dir, targets);
  const terraform = (...args: string[]) => run(program, args, { cwd: folder, timeoutMs: LIMIT_MS });
  const flags = ["-input=false", "-no-color"];
  const found: StateResource[] = [];
  try {
    await terraform("init", ...flags, `-plugin-dir=${path.join(dir, ".terraform", "providers")}`);
    const left = [...targets.entries()];
    const work = async (): Promise<void> => {
      for (let next = left.shift(); next; next = left.shift()) {
        const [index, target] = next;
        // each import writes its own file, because a state can have only one writer at a time
        const file = `${index}.tfstate`;
        try {
          await terraform(
            "import",
            ...flags,
            "-state=none.tfstate",
            `-state-out=${file}`,
            target.address,
            idOf(target),
          );
        } catch (error) {
          // the others need not begin
          left.length = 0;
          throw error;
        }
        const state = JSON.parse(fs.readFileSync(path.join(folder, file), "utf8")) as StateFile;
        found.push(...state.resources.filter((r) => r.mode === "managed"));
        onProgress?.(found.length);
      }
    };
    // the folder is deleted afterwards, so no import may still be running
    await allDone(Array.from({ length: AT_ONCE }, work));
    return found;
  } finally {
    fs.rmSync(folder, { recursive: true, force: true });
  }
}
