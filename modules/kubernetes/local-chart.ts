/** Our charts, in modules/charts; Helm releases record their paths. */
import * as path from "node:path";
import { PROJECT_ROOT } from "../../catalog/paths";

export const chartDir = (name: "object" | "scaled-object"): string =>
  path.join(PROJECT_ROOT, "modules", "charts", name);

/** Path relative to a stack's folder, so that plans are the same on every machine. */
export const localChart = (name: "object" | "scaled-object"): string =>
  path.relative(path.join(PROJECT_ROOT, "cdktf.out", "stacks", "any"), chartDir(name));

/** Settings that all releases of our charts share. */
export const LOCAL_RELEASE = { upgradeInstall: true, timeout: 120, maxHistory: 3 } as const;
