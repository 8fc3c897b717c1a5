import type { Construct } from "constructs";
import type { Config } from "../config";
import { MetricsServer } from "../modules/autoscaling/metrics-server";
import { Api } from "../modules/web/api";
import { Front } from "../modules/web/front";
import { Layer } from "./layer";

/** Layer `app`: the API, the front and what their autoscalers measure with. */
export class AppLayer extends Layer {
  constructor(scope: Construct, config: Config) {
    super(scope, "app", config);
    this.useKubernetes();
    const images = this.stateFor("images");
    const data = this.stateFor("data");
    const namespace = data.getString("namespace");

    // also where no release is left: without its provider Terraform would forget those that were
    this.useHelm();
    if (config.metricsServer.mode === "install") {
      new MetricsServer(this, "metrics-server", { config });
    }
    const api = new Api(this, "node", {
      namespace,
      config,
      image: images.getString("node_image"),
      redis: {
        sentinels: data.getString("redis_sentinels"),
        mainHost: data.getString("redis_main_host"),
        replicasHost: data.getString("redis_replicas_host"),
        replicasHeadlessHost: data.getString("redis_replicas_headless_host"),
        port: data.getString("redis_port"),
        secretName: data.getString("redis_secret"),
      },
    });
    const front = new Front(this, "react", {
      namespace,
      config,
      image: images.getString("react_image"),
      api: api.service,
    });

    this.output("namespace", namespace, "namespace of the application");
    this.output("node_service", api.service.name, "Service of the API");
    this.output("node_port", api.service.port, "its port");
    this.output("react_service", front.service.name, "Service of the page");
    this.output("react_port", front.service.port, "its port");
    this.output("exposure", config.exposure.type, "how the page is reached from outside");
  }
}
