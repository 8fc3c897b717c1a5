/** The dependencies of the packages beside the project's own, installed where they are missing or old. */
import * as path from "node:path";
import { PROJECT_ROOT } from "../../catalog/paths";

/** @param folders relative to the project's, such as `images/node` */
export async function installFolders(...folders: string[]): Promise<void> {
  // plain JavaScript without types: it runs before anything is installed
  const installer = path.join(PROJECT_ROOT, "scripts", "bootstrap.mjs");
  const { install } = (await import(installer)) as { install: (folder: string) => void };
  for (const folder of folders) install(path.join(PROJECT_ROOT, folder));
}
