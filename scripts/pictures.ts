/** `npm run pictures`: screenshots of the page's main states into docs/pictures, from the real page. */
import { spawnSync } from "node:child_process";
import path from "node:path";
import { Failure } from "./lib/ui";

const root = path.resolve(__dirname, "..");

export async function pictures(): Promise<void> {
  // @ts-expect-error plain JavaScript without types: it runs before anything is installed
  const { install } = (await import("./bootstrap.mjs")) as { install: (folder: string) => void };
  for (const image of ["node", "react"]) install(path.join(root, "images", image));
  const tsx = path.join(root, "node_modules", "tsx", "dist", "cli.mjs");
  const script = path.join(root, "images", "react", "test", "browser", "pictures.ts");
  const { status } = spawnSync(process.execPath, [tsx, script], { stdio: "inherit", timeout: 300_000 });
  if (status !== 0) throw new Failure("The pictures were not taken.", "`npm test` installs what they need.");
}
