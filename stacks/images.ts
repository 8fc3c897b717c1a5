import type { Construct } from "constructs";
import { DockerProvider } from "@cdktf/provider-docker/lib/provider";
import type { Config } from "../config";
import { BuiltImage } from "../modules/images/built-image";
import { splitAddress } from "../modules/images/registry";
import { providerAddress } from "../modules/images/registry-login";
import type { ResolvedImage, ResolvedImages, ImageName } from "../modules/images/resolve";
import { Layer } from "./layer";

/**
 * Layer `images`: builds and pushes the images of the API, the front and the fast scaler, and outputs their references
 * by digest.
 */
export class ImagesLayer extends Layer<"images"> {
  constructor(scope: Construct, config: Config, images: ResolvedImages) {
    super(scope, "images", config);
    const { registry } = config;
    if (Object.values(images).some(({ kind }) => kind === "built")) {
      const scheme = registry.insecure ? "http" : "https";
      const address = `${scheme}://${splitAddress(providerAddress(registry.push)).host}`;
      new DockerProvider(this, "docker", {
        ...(config.images.dockerHost ? { host: config.images.dockerHost } : {}),
        ...(config.dockerCertificates ? { certPath: config.dockerCertificates } : {}),
        // otherwise the provider would use DOCKER_CONTEXT instead of the host, which was already read from that context
        context: "",
        // if the registry has every tag, no Docker engine is needed
        disableDockerDaemonCheck: true,
        registryAuth: [
          registry.auth === "none" ? { address, authDisabled: true } : { address, configFile: registry.dockerConfig },
        ],
      });
      this.pinProvider("kreuzwerker/docker");
    }
    const reference = (name: ImageName, image: ResolvedImage): string => {
      return image.kind === "prebuilt"
        ? image.reference
        : new BuiltImage(this, name, { ...image, platform: config.images.platform, registry }).reference;
    };
    const { node, react, scaler } = images;
    this.writeSome({
      node_image: reference("node", node),
      react_image: reference("react", react),
      ...(scaler ? { scaler_image: reference("scaler", scaler) } : {}),
    });
  }
}
