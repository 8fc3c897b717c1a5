import { Construct } from "constructs";
import { TerraformLocal, TerraformStack } from "cdktf";
import { redisSizeProblems, sizeSentence, type RedisSizes } from "../../config";
import { escapeTemplate } from "../terraform/escape";

export interface SizeCheckProps {
  /** Redis' part of the configuration. */
  readonly redis: RedisSizes;
}

/**
 * A warning in every plan while the sizes cannot hold `maxMemory`, for users of plain `cdktf`.
 *
 * It does not fail the plan: Terraform cannot distinguish a new system from one that was deployed with these sizes, and
 * the latter must stay deployable. `npm run up` can, and refuses a new one (scripts/deploy/redis-sizes.ts).
 */
export class SizeCheck extends Construct {
  constructor(scope: Construct, id: string, props: SizeCheckProps) {
    super(scope, id);
    const problems = redisSizeProblems(props.redis);
    if (!problems.length) return;
    // an assertion must refer to an object
    const fits = new TerraformLocal(this, "fits", false);
    TerraformStack.of(this).addOverride("check.redis_sizes.assert", [
      ...problems.map((problem) => ({
        condition: `\${local.${fits.friendlyUniqueId}}`,
        error_message: `${escapeTemplate(sizeSentence(problem))}.`,
      })),
    ]);
  }
}
