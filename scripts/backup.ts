/** `npm run backup`: a snapshot of main's data in a file on this machine, checked after writing. */
import * as fs from "node:fs";
import * as path from "node:path";
import { loadConfig, PROJECT_ROOT } from "../modules/config";
import { chooseCluster } from "./lib/cluster";
import { checkSnapshot, dropMark } from "./lib/rdb";
import { ADMIN_CLI, mainPod, redisCli } from "./lib/redis-pods";
import { download } from "./lib/redis-transfer";
import { Failure, inStep, say } from "./lib/ui";

const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(1)} MB`;

export async function backup(options: { out?: string; yes: boolean }): Promise<void> {
  const config = loadConfig();
  const stamp = new Date().toISOString().replaceAll(/[:.]/g, "-").slice(0, 19);
  const file = path.resolve(options.out ?? path.join(PROJECT_ROOT, config.state.dir, "backups", `${stamp}.rdb`));
  if (fs.existsSync(file)) throw new Failure(`${file} exists; nothing was written.`, "Name another: --out FILE");
  const kube = await chooseCluster(config, { action: "Read all keys of", yes: options.yes });
  const pod = await mainPod(kube);
  fs.mkdirSync(path.dirname(file), { recursive: true });
  // under its own name only when it is whole
  const part = `${file}.part`;
  try {
    await inStep("backup", async (step) => {
      const keys = await redisCli(kube, pod, "DBSIZE");
      // main sends its data as it would to a new replica: no file is written on its volume
      await download(kube, pod, `${ADMIN_CLI} --rdb -`, part, (bytes) => step.doing(megabytes(bytes)));
      step.doing("checking");
      dropMark(part);
      const { bytes, checked } = checkSnapshot(part);
      fs.renameSync(part, file);
      return `${megabytes(bytes)} from ${pod}, about ${keys} keys, whole${checked ? ", checksum right" : ""}`;
    });
  } finally {
    fs.rmSync(part, { force: true });
  }
  const name = path.relative(process.cwd(), file);
  say(`${name}. It comes back with: npm run restore -- ${name}`);
}
