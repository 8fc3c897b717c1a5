/** The config.yaml that `up` writes when it creates a kind cluster, and `down` removes. */
import * as fs from "node:fs";
import * as path from "node:path";
import { PROJECT_ROOT } from "../../catalog/paths";
import type { Config } from "../../config";
import { stringify } from "yaml";
import { contextName, NODE_PORTS } from "./kind";

const FILE = path.join(PROJECT_ROOT, "config.yaml");
const MARK = "# made by `npm run up` for its kind cluster; `npm run down` removes it\n";

function content(config: Config): string {
  const { kind } = config.cluster;
  return (
    MARK +
    stringify({
      cluster: { context: contextName(config), kind },
      registry: { push: `localhost:${kind.registryPort}` },
      ...(kind.pagePort === null ? {} : { exposure: { type: "NodePort", nodePort: NODE_PORTS.page } }),
      ...(kind.grafanaPort === null ? {} : { monitoring: { grafanaNodePort: NODE_PORTS.grafana } }),
    })
  );
}

/** Writes config.yaml for the kind cluster. If the user has a config.yaml, returns the lines to add to it instead. */
export function writeKindConfig(config: Config, file = FILE): string | undefined {
  if (!fs.existsSync(file)) {
    fs.writeFileSync(file, content(config));
    return undefined;
  }
  return fs.readFileSync(file, "utf8").startsWith(MARK) ? undefined : content(config).slice(MARK.length);
}

/** Whether `up` wrote config.yaml, and so also created the cluster. */
export const isKindConfig = (file = FILE): boolean =>
  fs.existsSync(file) && fs.readFileSync(file, "utf8").startsWith(MARK);

export const removeKindConfig = (file = FILE): void => {
  if (isKindConfig(file)) fs.rmSync(file);
};
