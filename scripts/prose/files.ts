import { execFileSync } from "node:child_process";
import * as fs from "node:fs";
import * as path from "node:path";

/** Generated files, the dictionaries with their bad examples, and the French report. */
const LEFT_OUT = [
  /(^|\/)node_modules\//,
  /(^|\/)package-lock\.json$/,
  /^scripts\/prose\/.*\.yaml$/,
  /^docs\/rapport\//,
  /^docs\/benchmarks\/.*\.json$/,
  /^test\/dashboards\/exported\.json$/,
  /^test\/scripts\/prose\/check\.test\.ts$/,
];

/** The extension that selects a file's reader; undefined for files without prose. */
export function kindOf(file: string, source: () => string): string | undefined {
  const extension = path.extname(file);
  if (/\.(md|tsx?|m?js|css|sh|ya?ml|json)$/.test(file)) return /(^|\/)templates\//.test(file) ? ".hash" : extension;
  if (/(^|\/)Dockerfile$|\.(template|conf|awk)$|(^|\/)\.[a-z]+(ignore|config|attributes)$/.test(file)) return ".hash";
  return extension === "" && source().startsWith("#!/bin/sh") ? ".sh" : undefined;
}

/** Whether the path exists and is not a link to a folder. */
const isFile = (file: string) => fs.lstatSync(file, { throwIfNoEntry: false })?.isFile() ?? false;

/** Tracked and new files in the given files and folders (all if none is given), relative to `root`. */
export function proseFiles(root: string, below: readonly string[]): string[] {
  const args = ["ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", ...below];
  const all = execFileSync("git", args, { cwd: root, encoding: "utf8", maxBuffer: 64 << 20 }).split("\0");
  return [...new Set(all)].filter(
    (file) => file && isFile(path.join(root, file)) && !LEFT_OUT.some((pattern) => pattern.test(file)),
  );
}

/** The page's French texts. */
export const isFrench = (file: string): boolean => file.endsWith("/text/fr.ts");
