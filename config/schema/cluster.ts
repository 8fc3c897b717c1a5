/** The cluster, its namespaces, where state is kept and how the page is reached from outside. */
import { z } from "zod";
import { dnsName, nodePort, port } from "./common";

export const cluster = z
  .strictObject({
    kubeconfig: z
      .string()
      .optional()
      .describe("kubeconfig file; by default what KUBECONFIG names, else ~/.kube/config"),
    context: z.string().min(1).optional().describe("its context; by default the current one"),
    kind: z
      .strictObject({
        name: dnsName.default("iacproject").describe("name of the local kind cluster"),
        workers: z.number().int().min(0).max(9).default(2).describe("its worker nodes"),
        registryPort: port.default(5001).describe("port of its registry on this machine"),
        pagePort: port.nullable().default(8080).describe("port of this machine that leads to the page; null: none"),
        grafanaPort: port.nullable().default(3000).describe("port of this machine that leads to Grafana; null: none"),
      })
      .prefault({})
      .describe("the cluster that `up` offers to make where none is configured"),
  })
  .prefault({});

export const state = z
  .strictObject({
    backend: z.enum(["local", "kubernetes", "s3"]).default("local").describe("where Terraform keeps state"),
    dir: z.string().min(1).default(".state").describe("local: folder, relative to the project"),
    namespace: dnsName.default("default").describe("kubernetes: namespace of the state Secrets"),
    bucket: z.string().min(3).optional().describe("s3: bucket"),
    region: z.string().min(2).optional().describe("s3: region"),
    prefix: z.string().default("iacproject").describe("kubernetes, s3: prefix of the state's name"),
  })
  .prefault({});

export const charts = z
  .strictObject({
    dir: z.string().min(1).optional().describe("folder of chart archives (.tgz) for a site without the internet"),
  })
  .prefault({});

export const namespaces = z
  .strictObject({
    app: dnsName.default("iacproject").describe("Redis, the API and the front"),
    monitoring: dnsName.default("monitoring").describe("Prometheus, Alertmanager and Grafana"),
    keda: dnsName.default("keda").describe("KEDA, where scaling.engine is keda"),
    create: z.boolean().default(true).describe("false: they exist already and stay after `down`"),
    quota: z
      .boolean()
      .default(false)
      .describe("a ResourceQuota for app, as large as every part at its maximum in a rollout, and a LimitRange"),
  })
  .prefault({});

export const exposure = z
  .strictObject({
    type: z
      .enum(["ClusterIP", "NodePort", "LoadBalancer", "Ingress"])
      .default("ClusterIP")
      .describe("how the page is reached from outside; ClusterIP: by `kubectl port-forward`"),
    nodePort: nodePort.optional().describe("NodePort: a fixed one"),
    host: z.string().min(1).optional().describe("Ingress: host name"),
    ingressClass: z.string().min(1).optional().describe("Ingress: class, by default the cluster's"),
    tlsSecret: dnsName.optional().describe("Ingress: existing TLS Secret in the application's namespace"),
  })
  .prefault({});

export const dns = z
  .strictObject({
    namespace: dnsName.default("kube-system").describe("namespace of the cluster's DNS"),
    domain: z.string().min(1).default("cluster.local").describe("the cluster's domain"),
  })
  .prefault({});
