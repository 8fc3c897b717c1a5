import { App, type AppConfig } from "cdktf";
import type { Config } from "../config";
import type { ResolvedImages } from "../modules/images/resolve";
import { AppLayer } from "./app";
import { DataLayer } from "./data";
import { ImagesLayer } from "./images";
import { LAYERS, UPSTREAM, type Layer, type LayerName } from "./layer";
import { ObservabilityLayer } from "./observability";

/** The four layers in one app, with their order. */
export function buildApp(config: Config, images: ResolvedImages, options: AppConfig = {}): App {
  const app = new App(options);
  const layers: Record<LayerName, Layer> = {
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
