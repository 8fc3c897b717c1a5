/** `npm run backup`: a snapshot of main's data in a file on this machine, or a scheduled one, checked after writing. */
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
  /** Only tells which scheduled ones there are. */
  readonly list: boolean;
  /** Name of a scheduled one, or "latest". */
  readonly fetch?: string;
  readonly yes: boolean;
}

const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(1)} MB`;

export async function backup(options: BackupOptions): Promise<void> {
  const config = loadConfig();
  if (options.list) return list(config, options.yes);
  const stamp = new Date().toISOString().replaceAll(/[:.]/g, "-").slice(0, 19);
  const wanted =
    options.fetch === undefined || options.fetch === "latest" ? `${stamp}.rdb` : path.basename(options.fetch);
  const file = path.resolve(options.out ?? path.resolve(PROJECT_ROOT, config.state.dir, "backups", wanted));
  if (fs.existsSync(file)) throw new Failure(`${file} exists; nothing was written.`, "Name another: --out FILE");
  const kube = await chooseCluster(config, { action: "Read all keys of", yes: options.yes });
  fs.mkdirSync(path.dirname(file), { recursive: true });
  // under its own name only when it is whole
  const part = `${file}.part`;
  try {
    await inStep("backup", async (step) => {
      const progress = (bytes: number) => step.doing(megabytes(bytes));
      let origin: string;
      if (options.fetch === undefined) {
        const pod = await mainPod(kube);
        const keys = await redisCli(kube, pod, "DBSIZE");
        // main sends its data as it would to a new replica: no file is written on its volume
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
      const { bytes, checked } = checkSnapshot(part);
      fs.renameSync(part, file);
      return `${megabytes(bytes)} from ${origin}, whole${checked ? ", checksum right" : ""}`;
    });
  } finally {
    fs.rmSync(part, { force: true });
  }
  const name = path.relative(process.cwd(), file);
  say(`${name}. It comes back with: npm run restore -- ${name}`);
}

/** The scheduled backup of that name, or the newest. @throws Failure that names those there are */
export function chosen(there: readonly Backup[], name: string): Backup {
  const found = name === "latest" ? there[0] : there.find((b) => b.name === name);
  if (found) return found;
  const names = there.map((b) => b.name).join(", ");
  throw new Failure(names ? `There is no backup ${name}; there are ${names}.` : "There is no backup yet.");
}

async function list(config: Config, yes: boolean): Promise<void> {
  const kube = await chooseCluster(config, { action: "List the backups on", yes });
  const there = await withBackupVolume(kube, (volume) => volume.list());
  say(there.length ? table(there.map((b) => [b.name, megabytes(b.bytes)])) : "There is no backup yet.");
}
