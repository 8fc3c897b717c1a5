/** Converts a synthesized layer to plain Terraform: the same resources, without CDKTF's metadata. */
import * as path from "node:path";

type Json = string | number | boolean | null | Json[] | { [key: string]: Json };

export interface PlainOptions {
  /** Folder that the layer's file is written to, absolute. */
  readonly to: string;
  /** Folder of this project, absolute; paths in it become relative to `to`. */
  readonly project: string;
}

/** Terraform resolves relative paths from the folder in which it runs. */
const isOwnPath = (text: string, project: string) => text === project || text.startsWith(`${project}${path.sep}`);

/**
 * @param stack the content of a layer's cdk.tf.json
 * @returns the same without cdktf's comments, and with relative paths to the state and to other files of the project
 */
export function plainTerraform(stack: Json, { to, project }: PlainOptions): Json {
  if (Array.isArray(stack)) return stack.map((item) => plainTerraform(item, { to, project }));
  if (typeof stack === "string") return isOwnPath(stack, project) ? path.relative(to, stack) : stack;
  if (typeof stack !== "object" || stack === null) return stack;
  return Object.fromEntries(
    Object.entries(stack)
      .filter(([key]) => key !== "//")
      .map(([key, value]) => [key, plainTerraform(value, { to, project })]),
  );
}
