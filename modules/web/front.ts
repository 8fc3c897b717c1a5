import { Construct } from "constructs";
import { IngressV1 } from "@cdktf/provider-kubernetes/lib/ingress-v1";
import { annotated, type ComponentService } from "../kubernetes/service";
import type { Config } from "../../config";
import { labels } from "../../catalog/names";
import { WORKLOAD_NAME } from "../../catalog/workloads";
import { parseQuantity } from "../kubernetes/quantity";
import { signals } from "../autoscaling/signals";
import { PRE_STOP_SECONDS, WebWorkload } from "./web-workload";

export interface FrontProps {
  /** Namespace that the objects are created in. */
  readonly namespace: string;
  /** The whole configuration. */
  readonly config: Config;
  /** Image reference, by digest or tag. */
  readonly image: string;
  /** Service of the API, which nginx serves under /api. */
  readonly api: ComponentService;
}

/** The front: nginx, with the page's static files and the API under /api on the same origin. */
export class Front extends Construct {
  readonly service: ComponentService;

  constructor(scope: Construct, id: string, props: FrontProps) {
    super(scope, id);
    const { config, api } = props;
    const { exposure } = config;
    const settings = config.images.react;
    this.service = new WebWorkload(this, "web", {
      component: "react",
      namespace: props.namespace,
      config,
      image: props.image,
      settings,
      signals: signals(config, props.namespace).react,
      env: [
        { name: "PORT", value: String(settings.port) },
        { name: "API_URL", value: `http://${api.name}:${api.port}` },
        // in bytes; nginx stays below this limit (limit-memory.sh) and allows as many connections as fit (40-render.sh)
        { name: "MEMORY_LIMIT", value: String(Math.floor(parseQuantity(config.react.resources.memoryLimit))) },
      ],
      // clients with keep-alive connections move to other pods while Services still route to this one
      preStop: ["sh", "-c", `: >/tmp/draining; sleep ${PRE_STOP_SECONDS}`],
      service: {
        type: exposure.type === "Ingress" ? "ClusterIP" : exposure.type,
        ...(exposure.nodePort ? { nodePort: exposure.nodePort } : {}),
        annotations: exposure.serviceAnnotations,
      },
    }).service;

    if (exposure.type === "Ingress") {
      new IngressV1(this, "ingress", {
        metadata: {
          name: WORKLOAD_NAME.react,
          namespace: props.namespace,
          labels: { ...exposure.labels, ...labels("react") },
          ...annotated(exposure.annotations),
        },
        spec: {
          ...(exposure.ingressClass ? { ingressClassName: exposure.ingressClass } : {}),
          ...(exposure.tlsSecret ? { tls: [{ hosts: [exposure.host!], secretName: exposure.tlsSecret }] } : {}),
          rule: [
            {
              host: exposure.host!,
              http: {
                path: [
                  {
                    path: "/",
                    pathType: "Prefix",
                    backend: { service: { name: this.service.name, port: { number: this.service.port } } },
                  },
                ],
              },
            },
          ],
        },
      });
    }
  }
}
