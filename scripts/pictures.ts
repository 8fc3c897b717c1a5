/** `npm run pictures`: screenshots of the page's main states into docs/pictures, from the real page. */
import { spawnSync } from "node:child_process";
import path from "node:path";
import { PROJECT_ROOT } from "../modules/config";
import { installFolders } from "./lib/install";
import { Failure } from "./lib/ui";

export async function pictures(): Promise<void> {
  await installFolders("images/node", "images/react");
  const tsx = path.join(PROJECT_ROOT, "node_modules", "tsx", "dist", "cli.mjs");
  const script = path.join(PROJECT_ROOT, "images", "react", "test", "browser", "pictures.ts");
  const { status } = spawnSync(process.execPath, [tsx, script], { stdio: "inherit", timeout: 300_000 });
  if (status !== 0) throw new Failure("The pictures were not taken.", "`npm test` installs what they need.");
}
