import * as fs from "node:fs";
import * as path from "node:path";
import { Construct, type IConstruct } from "constructs";
import { Release, type ReleaseConfig } from "@cdktf/provider-helm/lib/release";
import { PROJECT_ROOT } from "../../catalog/paths";
import type { Config } from "../../config";
import { resourcesIn } from "../terraform/resources-in";
import { escapeTemplate } from "../terraform/escape";
import { CHARTS, type ChartName } from "../../catalog/versions";

/**
 * Source of a chart: its repository, or an archive in the folder `charts.dir`.
 * @throws if `charts.dir` is set and does not contain the archive
 */
export function chartSource(
  config: Pick<Config, "charts">,
  chart: ChartName,
): Pick<ReleaseConfig, "chart" | "repository" | "version"> {
  const { name, version, repository } = CHARTS[chart];
  if (config.charts.dir === undefined) return { chart: name, repository, version };
  const dir = path.resolve(PROJECT_ROOT, config.charts.dir);
  const archive = path.join(dir, `${name}-${version}.tgz`);
  if (!fs.existsSync(archive)) {
    const archives = fs.existsSync(dir) ? fs.readdirSync(dir).filter((f) => f.endsWith(".tgz")) : undefined;
    throw new Error(
      `charts.dir: ${archive} does not exist; ` +
        (archives ? `the folder holds ${archives.join(", ") || "no chart"}` : "the folder does not exist") +
        `. Get it with: helm pull ${name} --repo ${repository} --version ${version}`,
    );
  }
  return { chart: archive, version };
}

export interface ChartProps {
  /** The part of the configuration that says where charts come from. */
  readonly config: Pick<Config, "charts">;
  /** Pinned chart to install. */
  readonly chart: ChartName;
  /** Namespace of the Helm release. */
  readonly namespace: string;
  /** Name of the Helm release. */
  readonly releaseName: string;
  /** The chart's values. */
  readonly values: object;
  /**
   * Constructs that must exist first.
   * @default none
   */
  readonly after?: readonly IConstruct[];
}

/** One Helm release of a pinned chart; Terraform waits until it is ready. */
export class Chart extends Construct {
  readonly release: Release;

  /** @throws if `charts.dir` is set and does not contain the chart's archive */
  constructor(scope: Construct, id: string, props: ChartProps) {
    super(scope, id);
    this.release = new Release(this, "release", {
      ...chartSource(props.config, props.chart),
      name: props.releaseName,
      namespace: props.namespace,
      values: [escapeTemplate(JSON.stringify(props.values))],
      ...(props.after ? { dependsOn: resourcesIn(...props.after) } : {}),
      wait: true,
      // adopt the release that an interrupted first installation left, which is not in the state
      upgradeInstall: true,
      timeout: 420,
      // a failed upgrade removes the objects that it added; a failed first installation is kept for inspection
      cleanupOnFail: true,
      maxHistory: 5,
    });
  }
}
