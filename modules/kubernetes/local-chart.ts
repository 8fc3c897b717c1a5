/** Charts of our own, in modules/charts: their paths are written in Helm releases. */
import * as path from "node:path";
import { PROJECT_ROOT } from "../../catalog/paths";

export const chartDir = (name: "object" | "scaled-object"): string =>
  path.join(PROJECT_ROOT, "modules", "charts", name);

/** As Terraform sees it from the folder of a stack: the same on every machine, so that no plan differs. */
export const localChart = (name: "object" | "scaled-object"): string =>
  path.relative(path.join(PROJECT_ROOT, "cdktf.out", "stacks", "any"), chartDir(name));

/** What every release of theirs has in common. */
export const LOCAL_RELEASE = { upgradeInstall: true, timeout: 120, maxHistory: 3 } as const;
