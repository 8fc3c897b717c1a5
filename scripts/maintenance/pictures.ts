/** `npm run pictures`: takes screenshots of the page, or draws the dashboards, into docs/pictures. */
import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import path from "node:path";
import { DASHBOARDS } from "../../dashboards";
import { PROJECT_ROOT } from "../../catalog/paths";
import { loadConfig } from "../../config";
import { STACK_RELEASE } from "../../catalog/names";
import { dashboardFigures } from "../toolbox/dashboard-figures";
import { installFolders } from "../toolbox/npm-install";
import { Kube } from "../cluster/kubectl";
import { Failure, say } from "../terminal/ui";

export interface PicturesOptions {
  readonly minutes: string;
  readonly out: string;
}

export const PICTURES = ["page", "dashboards"] as const;
const TSX = path.join(PROJECT_ROOT, "node_modules", "tsx", "dist", "cli.mjs");
const HELP = "See the error above. `npm test` installs the programs that this needs.";

function script(file: string, ...args: string[]): void {
  const { status } = spawnSync(process.execPath, [TSX, file, ...args], { stdio: "inherit", timeout: 300_000 });
  if (status !== 0) throw new Failure(`${path.relative(PROJECT_ROOT, file)} failed; no picture was written.`, HELP);
}

export async function pictures(what: string, options: PicturesOptions): Promise<void> {
  if (what === "page") {
    await installFolders("images/node", "images/react");
    return script(path.join(PROJECT_ROOT, "images", "react", "test", "browser", "pictures.ts"));
  }
  if (what === "dashboards") return dashboardPictures(options);
  throw new Failure(`There are no pictures of ${what}.`, `Pictures: ${PICTURES.join(", ")}`);
}

/** Draws each dashboard from the current results of its own queries. */
async function dashboardPictures(options: PicturesOptions): Promise<void> {
  const minutes = Number(options.minutes);
  if (!(minutes >= 1 && minutes <= 1440)) {
    throw new Failure(`--minutes is "${options.minutes}", expected a number from 1 to 1440.`);
  }
  const config = loadConfig();
  if (config.observability !== "install") {
    throw new Failure("This deployment has no Prometheus to query.", "Set observability: install, then: npm run up");
  }
  await installFolders("scripts/drawing");
  const kube = new Kube(config);
  await kube.ping();
  const { app, monitoring } = config.namespaces;
  const proxy = `/api/v1/namespaces/${monitoring}/services/${STACK_RELEASE}-prometheus:9090/proxy/api/v1`;
  const queryPrometheus = async (query: string) =>
    (JSON.parse(await kube.raw(["get", "--raw", `${proxy}/${query}`])) as { data: unknown }).data;
  const to = Math.floor(Date.now() / 1000);
  const out = path.resolve(PROJECT_ROOT, options.out);
  const work = path.resolve(PROJECT_ROOT, config.state.dir, "dashboards");
  for (const folder of [out, work]) fs.mkdirSync(folder, { recursive: true });
  for (const dashboard of DASHBOARDS) {
    say(`${dashboard.title} …`);
    const figures = await dashboardFigures(queryPrometheus, dashboard, app, to - minutes * 60, to);
    const file = path.join(work, `${dashboard.uid}.json`);
    fs.writeFileSync(file, JSON.stringify(figures));
    script(
      path.join(PROJECT_ROOT, "scripts", "drawing", "dashboard.ts"),
      file,
      path.join(out, `dashboard-${dashboard.uid.replace(/^iac-/, "")}`),
    );
  }
}
