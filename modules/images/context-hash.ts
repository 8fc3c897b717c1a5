import { createHash } from "node:crypto";
import * as fs from "node:fs";
import * as path from "node:path";
import dockerignore from "@balena/dockerignore";

/** Files of a build context that Docker would send, as sorted relative paths with "/". */
export function contextFiles(context: string): string[] {
  const ignoreFile = path.join(context, ".dockerignore");
  const ignore = dockerignore().add(fs.existsSync(ignoreFile) ? fs.readFileSync(ignoreFile, "utf8") : "");
  const files: string[] = [];
  const visit = (dir: string) => {
    for (const entry of fs.readdirSync(path.join(context, dir), { withFileTypes: true })) {
      const file = path.posix.join(dir, entry.name);
      if (entry.isDirectory()) {
        // a later "!…" pattern can re-include files in an ignored folder, so ignored folders are visited too, except
        // node_modules, which is always large and never needed
        if (entry.name !== "node_modules" || !ignore.ignores(file)) visit(file);
      } else if (!ignore.ignores(file)) {
        files.push(file);
      }
    }
  };
  visit("");
  return files.sort();
}

export interface ContextHashProps {
  /** Absolute path of the build context. */
  readonly context: string;
  /** Dockerfile, relative to the context. */
  readonly dockerfile: string;
  /**
   * Platform to build for; part of the hash.
   * @default the platform of the Docker engine
   */
  readonly platform?: string | undefined;
}

/**
 * Hash, as 16 hex digits, of everything that goes into an image: names, contents and executable
 * bits of the files that Docker would send, the Dockerfile and the platform.
 *
 * It is the same on every machine with the same sources, because it includes no timestamps, owners or absolute paths.
 * The docker provider offers no such hash (kreuzwerker/docker#571).
 * @throws if the context or its Dockerfile does not exist
 */
export function contextHash({ context, dockerfile, platform }: ContextHashProps): string {
  if (!fs.existsSync(context)) throw new Error(`image context ${context} does not exist: correct images.*.context`);
  if (!fs.existsSync(path.join(context, dockerfile))) {
    throw new Error(`image context ${context} has no ${dockerfile}: correct images.*.dockerfile`);
  }
  const hash = createHash("sha256").update(`${dockerfile}\0${platform ?? ""}\0`);
  for (const file of [...new Set([...contextFiles(context), dockerfile])]) {
    const full = path.join(context, file);
    const stat = fs.lstatSync(full);
    const content = stat.isSymbolicLink() ? Buffer.from(fs.readlinkSync(full)) : fs.readFileSync(full);
    const kind = stat.isSymbolicLink() ? "l" : stat.mode & 0o100 ? "x" : "f";
    hash.update(`${file}\0${kind}${content.length}\0`).update(content);
  }
  return hash.digest("hex").slice(0, 16);
}
