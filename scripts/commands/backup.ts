/** `npm run backup`: saves a snapshot of main, or a scheduled backup, to a file on this machine and checks it. */
import * as fs from "node:fs";
import * as path from "node:path";
import { PROJECT_ROOT } from "../../catalog/paths";
import { type Config, loadConfig } from "../../config";
import { type Backup, withBackupVolume } from "../redis/backup-volume";
import { chooseCluster } from "../cluster/choose-cluster";
import { checkSnapshot, dropMark } from "../redis/rdb-check";
import { ADMIN_CLI, mainPod, redisCli } from "../redis/pods";
import { download } from "../redis/file-transfer";
import { Failure, inStep, say, table } from "../terminal/ui";

export interface BackupOptions {
  readonly out?: string;
  /** List the scheduled backups instead. */
  readonly list: boolean;
  /** Name of a scheduled backup to download, or "latest". */
  readonly fetch?: string;
  readonly yes: boolean;
}

const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(1)} MB`;

export async function backup(options: BackupOptions): Promise<void> {
  const config = loadConfig();
  if (options.list) return list(config, options.yes);
  const stamp = new Date().toISOString().replaceAll(/[:.]/g, "-").slice(0, 19);
  const defaultName =
    options.fetch === undefined || options.fetch === "latest" ? `${stamp}.rdb` : path.basename(options.fetch);
  const file = path.resolve(options.out ?? path.resolve(PROJECT_ROOT, config.state.dir, "backups", defaultName));
  if (fs.existsSync(file))
    throw new Failure(
      `${file} already exists; nothing was written.`,
      "Choose another file: npm run backup -- --out FILE",
    );
  const kube = await chooseCluster(config, { action: "Read all keys of", yes: options.yes });
  fs.mkdirSync(path.dirname(file), { recursive: true });
  // renamed when it is complete and checked
  const part = `${file}.part`;
  try {
    await inStep("backup", async (step) => {
      const progress = (bytes: number) => step.doing(megabytes(bytes));
      let origin: string;
      if (options.fetch === undefined) {
        const pod = await mainPod(kube);
        const keys = await redisCli(kube, pod, "DBSIZE");
        // main streams its data as it would to a new replica, without writing to its volume
        await download(kube, pod, `${ADMIN_CLI} --rdb -`, part, progress);
        dropMark(part);
        origin = `${pod}, about ${keys} keys`;
      } else {
        origin = await withBackupVolume(kube, async (volume) => {
          const { name } = chosen(await volume.list(), options.fetch!);
          await volume.fetch(name, part, progress);
          return name;
        });
      }
      step.doing("checking");
      const { bytes, checked } = checkSnapshot(
        part,
        "Run npm run backup again. If it fails again, see: npm run status",
      );
      fs.renameSync(part, file);
      return `${megabytes(bytes)} from ${origin}, complete${checked ? ", checksum verified" : ""}`;
    });
  } finally {
    fs.rmSync(part, { force: true });
  }
  const name = path.relative(process.cwd(), file);
  say(`Saved to ${name}. Restore it: npm run restore -- ${name}`);
}

/** The scheduled backup with that name, or the newest. @throws Failure with the existing names */
export function chosen(backups: readonly Backup[], name: string): Backup {
  const found = name === "latest" ? backups[0] : backups.find((b) => b.name === name);
  if (found) return found;
  if (!backups.length) throw new Failure("There is no scheduled backup yet.", "Make one now: npm run backup");
  const names = backups.map((b) => b.name).join(", ");
  throw new Failure(`There is no scheduled backup ${name}; existing ones are ${names}.`);
}

async function list(config: Config, yes: boolean): Promise<void> {
  const kube = await chooseCluster(config, { action: "List the backups on", yes });
  const backups = await withBackupVolume(kube, (volume) => volume.list());
  say(backups.length ? table(backups.map((b) => [b.name, megabytes(b.bytes)])) : "There is no scheduled backup yet.");
}
