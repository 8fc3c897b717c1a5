/** Installs the dependencies of the project's other npm packages if they are missing or outdated. */
import * as path from "node:path";
import { PROJECT_ROOT } from "../../catalog/paths";

/** @param folders relative to the project's root, such as `images/node` */
export async function installFolders(...folders: string[]): Promise<void> {
  // bootstrap.mjs has no types, because it must run before anything is installed
  const installer = path.join(PROJECT_ROOT, "scripts", "bootstrap.mjs");
  const { install } = (await import(installer)) as { install: (folder: string) => void };
  for (const folder of folders) install(path.join(PROJECT_ROOT, folder));
}
