/** Commits and checkouts as Git objects. */
import { execFileSync } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { PROJECT_ROOT } from "../../../catalog/paths";

const git = (...args: string[]): string => execFileSync("git", args, { cwd: PROJECT_ROOT, encoding: "utf8" }).trim();

/** @throws if `ref` names no commit */
export const commit = (ref: string): string => git("rev-parse", "--verify", `${ref}^{commit}`);

/** The current checkout as a tree, including new files and uncommitted changes; the index is not changed. */
export function workingTree(): string {
  const index = path.join(fs.mkdtempSync(path.join(os.tmpdir(), "iacproject-index-")), "index");
  const env = { ...process.env, GIT_INDEX_FILE: index };
  try {
    execFileSync("git", ["read-tree", "HEAD"], { cwd: PROJECT_ROOT, env });
    execFileSync("git", ["add", "--all"], { cwd: PROJECT_ROOT, env });
    return execFileSync("git", ["write-tree"], { cwd: PROJECT_ROOT, env, encoding: "utf8" }).trim();
  } finally {
    fs.rmSync(path.dirname(index), { recursive: true });
  }
}

/** Unpacks a commit or a tree into the empty folder `to`. */
export function unpack(object: string, to: string): void {
  const archive = execFileSync("git", ["archive", object], { cwd: PROJECT_ROOT, maxBuffer: 1 << 30 });
  execFileSync("tar", ["x", "-C", to], { input: archive });
}
