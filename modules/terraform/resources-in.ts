import { TerraformResource } from "cdktf";
import type { IConstruct } from "constructs";

/**
 * Every resource inside the given constructs, for `dependsOn`. cdktf turns `node.addDependency`
 * into an order of stacks only; between resources it writes nothing.
 */
export const resourcesIn = (...constructs: readonly IConstruct[]): TerraformResource[] =>
  constructs.flatMap((construct) => construct.node.findAll().filter((c) => TerraformResource.isTerraformResource(c)));
