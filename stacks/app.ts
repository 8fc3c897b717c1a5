import type { Construct } from "constructs";
import type { Config } from "../config";
import { MetricsServer } from "../modules/autoscaling/metrics-server";
import { FastScaler } from "../modules/autoscaling/fast-scaler";
import { Api } from "../modules/web/api";
import { Front } from "../modules/web/front";
import { Layer } from "./layer";

/** Layer `app`: the API, the front, the fast scaler and metrics-server. */
export class AppLayer extends Layer<"app"> {
  constructor(scope: Construct, config: Config) {
    super(scope, "app", config);
    this.useKubernetes();
    const images = this.stateOf("images");
    const data = this.stateOf("data");
    const namespace = data("namespace");

    // needed even without a Helm release, because Terraform uses the provider to delete earlier releases
    this.useHelm();
    if (config.metricsServer.mode === "install") {
      new MetricsServer(this, "metrics-server", { config });
    }
    const api = new Api(this, "node", {
      namespace,
      config,
      image: images("node_image"),
      redis: {
        sentinels: data("redis_sentinels"),
        mainHost: data("redis_main_host"),
        replicasHost: data("redis_replicas_host"),
        replicasHeadlessHost: data("redis_replicas_headless_host"),
        port: data("redis_port"),
        secretName: data("redis_secret"),
      },
    });
    const front = new Front(this, "react", {
      namespace,
      config,
      image: images("react_image"),
      api: api.service,
    });

    if (config.scaling.fast) {
      new FastScaler(this, "scaler", { namespace, config, image: images("scaler_image") });
    }

    this.write({
      namespace,
      node_service: api.service.name,
      node_port: api.service.port,
      react_service: front.service.name,
      react_port: front.service.port,
      exposure: config.exposure.type,
    });
  }
}
