import { Construct } from "constructs";
import { DataResource, TerraformLocal } from "cdktf";
import { Image } from "@cdktf/provider-docker/lib/image";
import { RegistryImage } from "@cdktf/provider-docker/lib/registry-image";
import type { Config } from "../../config";
import type { TagState } from "./registry";
import { providerAddress } from "./registry-login";

export interface BuiltImageProps {
  /** Repository, relative to the registry's address, such as `iacproject-node`. */
  readonly repository: string;
  /** Tag: the hash of the build context. */
  readonly tag: string;
  /** Absolute path of the build context. */
  readonly context: string;
  /** Dockerfile, relative to the context. */
  readonly dockerfile: string;
  /**
   * Platform to build for.
   * @default the platform of the Docker engine
   */
  readonly platform?: string | undefined;
  /** The registry's part of the configuration. */
  readonly registry: Config["registry"];
  /** State of the tag in the registry, queried just before the synthesis. */
  readonly inRegistry: TagState;
}

/**
 * One image: built and pushed if the registry does not have its tag, otherwise used unchanged.
 *
 * A rebuild does not reproduce the digest, so pushing the same tag twice would produce a new digest and a rollout on
 * every cluster. Therefore, `first-sight` stores the registry's first reply for each tag in this layer's state: a
 * digest (nothing to do, and Docker is not needed) or "" (build and push the image here). Later replies do not change
 * it, except that a tag that is missing from the registry is built again. An unreachable registry stops the plan,
 * because the docker provider would treat it as a missing image. See docs/decisions/0003-images.md.
 */
export class BuiltImage extends Construct {
  /** `address/repository@sha256:…`, as nodes pull it. */
  readonly reference: string;

  constructor(scope: Construct, id: string, props: BuiltImageProps) {
    super(scope, id);
    const { registry, inRegistry, tag } = props;
    const name = `${providerAddress(registry.push)}/${props.repository}:${tag}`;
    const isPushed = inRegistry.state === "held";

    // Terraform rejects a condition without references, such as a bare `false`
    const reachable = new TerraformLocal(this, "registry-reachable", inRegistry.state !== "unreachable");
    // the tag is part of the ids, so each tag is a separate resource, created once
    const firstSight = new DataResource(this, `first-sight-${tag}`, {
      input: { digest: isPushed ? inRegistry.digest : "" },
      lifecycle: {
        ...(inRegistry.state === "absent" ? {} : { ignoreChanges: ["input"] }),
        ...(inRegistry.state === "unreachable"
          ? {
              precondition: [
                {
                  condition: `\${${reachable.fqn}}`,
                  errorMessage: `The image registry could not be queried (${inRegistry.reason.replace(/[$%]\{/g, "")}). Start it, or correct registry.push.`,
                },
              ],
            }
          : {}),
      },
    });
    const digest = `${firstSight.fqn}.input.digest`;
    const buildCount = `\${${digest} == "" ? 1 : 0}`;

    const image = new Image(this, `image-${tag}`, {
      name,
      // without a build block, the provider pulls the image, in case the Docker engine was pruned
      ...(isPushed
        ? {}
        : {
            buildAttribute: {
              context: props.context,
              dockerfile: props.dockerfile,
              ...(props.platform ? { platform: props.platform } : {}),
            },
          }),
      lifecycle: { ignoreChanges: ["build"] },
      timeouts: { create: "20m" },
    });
    const pushed = new RegistryImage(this, `pushed-${tag}`, {
      name,
      keepRemotely: true,
      insecureSkipVerify: registry.insecure,
      dependsOn: [image],
    });
    for (const resource of [image, pushed]) resource.addOverride("count", buildCount);

    this.reference =
      `${registry.pull}/${props.repository}@` + `\${${digest} == "" ? one(${pushed.fqn}[*].sha256_digest) : ${digest}}`;
  }
}
