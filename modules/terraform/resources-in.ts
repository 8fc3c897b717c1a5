import { TerraformResource } from "cdktf";
import type { IConstruct } from "constructs";

/**
 * Every resource inside the given constructs, for `dependsOn`. cdktf uses `node.addDependency`
 * only to order stacks, not resources.
 */
export const resourcesIn = (...constructs: readonly IConstruct[]): TerraformResource[] =>
  constructs.flatMap((construct) => construct.node.findAll().filter((c) => TerraformResource.isTerraformResource(c)));
