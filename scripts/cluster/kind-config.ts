/** The part of config.yaml that `up` writes when it makes a cluster, and `down` takes away. */
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
      profile: "kind",
      cluster: { context: contextName(config), kind },
      registry: { push: `localhost:${kind.registryPort}` },
      ...(kind.pagePort === null ? {} : { exposure: { type: "NodePort", nodePort: NODE_PORTS.page } }),
      ...(kind.grafanaPort === null ? {} : { monitoring: { grafanaNodePort: NODE_PORTS.grafana } }),
    })
  );
}

/** Names the kind cluster in config.yaml; returns what a person must add where a file is there. */
export function writeKindConfig(config: Config, file = FILE): string | undefined {
  if (!fs.existsSync(file)) {
    fs.writeFileSync(file, content(config));
    return undefined;
  }
  return fs.readFileSync(file, "utf8").startsWith(MARK) ? undefined : content(config).slice(MARK.length);
}

/** Whether config.yaml is the one that `up` wrote, and the cluster therefore ours. */
export const isKindConfig = (file = FILE): boolean =>
  fs.existsSync(file) && fs.readFileSync(file, "utf8").startsWith(MARK);

export const removeKindConfig = (file = FILE): void => {
  if (isKindConfig(file)) fs.rmSync(file);
};
