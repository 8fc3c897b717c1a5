/** The cluster, its namespaces, the Terraform state and how the front is exposed. */
import { z } from "zod";
import { annotations, cidr, dnsName, extraLabels, hostName, nodePort, port } from "./common";

export const cluster = z
  .strictObject({
    kubeconfig: z
      .string()
      .optional()
      .describe("kubeconfig file; by default, the value of KUBECONFIG, or ~/.kube/config if that is not set"),
    context: z.string().min(1).optional().describe("kubeconfig context; by default, the current one"),
    apiServer: z
      .strictObject({
        blocks: z
          .array(cidr)
          .default([])
          .describe(
            "CIDR blocks that contain the addresses at which pods reach the Kubernetes API server, for the NetworkPolicies of the pods that use it; by default, the addresses are read from the cluster",
          ),
        port: z.number().int().min(1).max(65535).default(6443).describe("port of the API server at these addresses"),
      })
      .prefault({}),
    kind: z
      .strictObject({
        name: dnsName.default("iacproject").describe("name of the local kind cluster"),
        workers: z.number().int().min(0).max(9).default(2).describe("number of worker nodes in the kind cluster"),
        registryPort: port.default(5001).describe("port on this machine for the kind cluster's registry"),
        pagePort: port.nullable().default(8080).describe("port on this machine that forwards to the front; null: none"),
        grafanaPort: port
          .nullable()
          .default(3000)
          .describe("port on this machine that forwards to Grafana; null: none"),
      })
      .prefault({})
      .describe("the cluster that `up` offers to create if none is configured"),
  })
  .prefault({});

export const state = z
  .strictObject({
    backend: z.enum(["local", "kubernetes", "s3"]).default("local").describe("where Terraform stores its state"),
    dir: z.string().min(1).default(".state").describe("local: folder, relative to the project"),
    namespace: dnsName.default("default").describe("kubernetes: namespace of the state Secrets"),
    bucket: z.string().min(3).optional().describe("s3: bucket"),
    region: z.string().min(2).optional().describe("s3: region"),
    prefix: z.string().default("iacproject").describe("kubernetes, s3: prefix of the state names"),
    lockfile: z
      .boolean()
      .default(true)
      .describe(
        "s3: lock a state during a run with a file next to it; false: for a store without conditional writes, where only one person may deploy at a time",
      ),
  })
  .prefault({});

export const charts = z
  .strictObject({
    dir: z.string().min(1).optional().describe("folder with chart archives (.tgz), for sites without internet access"),
  })
  .prefault({});

export const namespaces = z
  .strictObject({
    app: dnsName.default("iacproject").describe("namespace for Redis, the API and the front"),
    monitoring: dnsName.default("monitoring").describe("namespace of Prometheus, Alertmanager and Grafana"),
    keda: dnsName.default("keda").describe("namespace for KEDA, if scaling.engine is keda"),
    create: z
      .boolean()
      .default(true)
      .describe("create the namespaces; false: they exist already, and `down` keeps them"),
    quota: z
      .boolean()
      .default(false)
      .describe(
        "add a LimitRange and a ResourceQuota to namespaces.app, large enough to roll out every workload at its maximum",
      ),
  })
  .prefault({});

export const exposure = z
  .strictObject({
    type: z
      .enum(["ClusterIP", "NodePort", "LoadBalancer", "Ingress"])
      .default("ClusterIP")
      .describe("how the front is exposed; ClusterIP: not at all, except by `kubectl port-forward`"),
    nodePort: nodePort.optional().describe("NodePort: a fixed port; by default, Kubernetes chooses one"),
    host: hostName.optional().describe("Ingress: host name"),
    ingressClass: z.string().min(1).optional().describe("Ingress: class; by default the cluster's"),
    tlsSecret: dnsName.optional().describe("Ingress: existing TLS Secret in the application's namespace"),
    annotations: annotations.describe(
      "Ingress: annotations, such as the one that sets the ingress controller's body size limit (docs/your-cluster.md)",
    ),
    labels: extraLabels.describe(
      "Ingress: additional labels, by which a controller or external-dns may select the Ingress",
    ),
    serviceAnnotations: annotations.describe(
      "annotations on the front's Service, such as the one that sets the load balancer type",
    ),
  })
  .prefault({});
