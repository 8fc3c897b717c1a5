import { App, type AppConfig, type TerraformStack } from "cdktf";
import type { Config } from "../config";
import type { ResolvedImages } from "../modules/images/resolve";
import { AppLayer } from "./app";
import { DataLayer } from "./data";
import { ImagesLayer } from "./images";
import { LAYERS, UPSTREAM, type LayerName } from "./outputs";
import { ObservabilityLayer } from "./observability";

/** The four layers in one app, in deployment order. */
export function buildApp(config: Config, images: ResolvedImages, options: AppConfig = {}): App {
  const app = new App(options);
  const layers: Record<LayerName, TerraformStack> = {
    images: new ImagesLayer(app, config, images),
    data: new DataLayer(app, config),
    app: new AppLayer(app, config),
    observability: new ObservabilityLayer(app, config),
  };
  for (const name of LAYERS) {
    for (const upstream of UPSTREAM[name]) layers[name].addDependency(layers[upstream]);
  }
  return app;
}
