/** Provides a small disk for a pod's volume: a file that contains a file system. */
import { execFileSync, spawnSync } from "node:child_process";
import * as fs from "node:fs";
import * as path from "node:path";

/** Free space in addition to the volume's contents, in KiB. */
const SPARE = 6 * 1024;
const size = (folder: string) => Number(execFileSync("du", ["-sk", folder], { encoding: "utf8" }).split("\t")[0]);

/** Replaces a volume with a small disk that has the same contents. No process may use the volume during this time. */
export function mountSmallDisk(volume: string): void {
  const [before, image] = [`${volume}.before`, `${volume}.image`];
  const kib = size(volume) + SPARE;
  fs.renameSync(volume, before);
  fs.mkdirSync(volume);
  execFileSync("truncate", ["-s", `${kib}K`, image]);
  // neither a journal nor reserved blocks, so that all space is usable
  execFileSync("mkfs.ext4", ["-q", "-F", "-m", "0", "-O", "^has_journal", image]);
  execFileSync("mount", ["-o", "loop", image, volume]);
  execFileSync("cp", ["-a", `${before}/.`, volume]);
}

/** Fills a volume completely. */
export function fill(volume: string): void {
  spawnSync("dd", ["if=/dev/zero", `of=${path.join(volume, "filler")}`, "bs=4k"], { stdio: "ignore" });
}

/** Frees the space again. */
export const empty = (volume: string): void => fs.rmSync(path.join(volume, "filler"), { force: true });

/** Restores the volume, with the contents of the small disk. No process may use the volume during this time. */
export function unmountSmallDisk(volume: string): void {
  const [before, image] = [`${volume}.before`, `${volume}.image`];
  fs.rmSync(before, { recursive: true });
  fs.mkdirSync(before);
  execFileSync("cp", ["-a", `${volume}/.`, before]);
  // processes that have just exited may keep it in use for a moment
  execFileSync("umount", ["-l", volume]);
  fs.rmdirSync(volume);
  fs.renameSync(before, volume);
  fs.rmSync(image);
  fs.rmSync(path.join(volume, "lost+found"), { recursive: true, force: true });
  empty(volume);
}
