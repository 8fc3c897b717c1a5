/** Checks that involve more than one section. */
import type { z } from "zod";
import type { sections } from "./sections";
import { asQuantity, prometheusBytes, quantityOrNaN } from "./sizes";

export function crossChecks(c: z.output<typeof sections>, ctx: z.RefinementCtx): void {
  const refuse = (at: string[], message: string, input?: unknown) =>
    ctx.addIssue({ code: "custom", path: at, message, input });
  const { s3 } = c.redis.backup;
  if (s3.endpoint !== null && !(s3.bucket && s3.secret)) {
    refuse(
      ["redis", "backup", "s3", "endpoint"],
      "needs redis.backup.s3.bucket and redis.backup.s3.secret",
      s3.endpoint,
    );
  }
  if (c.state.backend === "s3" && !(c.state.bucket && c.state.region)) {
    refuse(["state", "backend"], "needs state.bucket and state.region", "s3");
  }
  const { create, ...names } = c.namespaces;
  // an existing namespace is kept, and some users have only one
  if (create && c.state.backend === "kubernetes" && (Object.values(names) as unknown[]).includes(c.state.namespace)) {
    refuse(
      ["state", "namespace"],
      "must not be a namespace that a layer destroys (namespaces.app, namespaces.monitoring)",
      c.state.namespace,
    );
  }
  const taken = new Set(["none", "heartbeat"]);
  c.monitoring.receivers.forEach(({ name }, i) => {
    if (taken.has(name))
      refuse(["monitoring", "receivers", String(i), "name"], "must be unique, and must not be none or heartbeat", name);
    taken.add(name);
  });
  if (c.exposure.type === "Ingress" && !c.exposure.host) {
    refuse(["exposure", "host"], "is required if exposure.type is Ingress");
  }
  if (c.exposure.type !== "NodePort" && c.exposure.nodePort !== undefined) {
    refuse(["exposure", "nodePort"], "requires exposure.type NodePort; set that, or remove it", c.exposure.nodePort);
  }
  const { grafanaNodePort, retentionSize, storage } = c.monitoring;
  const isInstalled = c.observability === "install";
  if (isInstalled && grafanaNodePort !== undefined && c.exposure.nodePort === grafanaNodePort) {
    refuse(["exposure", "nodePort"], "must differ from monitoring.grafanaNodePort", c.exposure.nodePort);
  }
  const kept = prometheusBytes(retentionSize);
  if (isInstalled && storage !== null && quantityOrNaN(storage) <= kept) {
    refuse(
      ["monitoring", "storage"],
      `must be above monitoring.retentionSize (${retentionSize}, which is ${asQuantity(kept)}), or Prometheus fills its volume; raise it, or lower monitoring.retentionSize`,
      storage,
    );
  }
  const used = new Map<number, string>();
  for (const key of ["registryPort", "pagePort", "grafanaPort"] as const) {
    const port = c.cluster.kind[key];
    if (port === null) continue;
    const other = used.get(port);
    if (other) refuse(["cluster", "kind", key], `must differ from cluster.kind.${other}`, port);
    else used.set(port, key);
  }
  if (c.exposure.type !== "Ingress") {
    for (const key of ["host", "ingressClass", "tlsSecret"] as const) {
      if (c.exposure[key] !== undefined)
        refuse(["exposure", key], "requires exposure.type Ingress; set that, or remove it", c.exposure[key]);
    }
    for (const key of ["annotations", "labels"] as const) {
      if (Object.keys(c.exposure[key]).length)
        refuse(
          ["exposure", key],
          "requires exposure.type Ingress; for annotations on the Service, use exposure.serviceAnnotations",
          c.exposure[key],
        );
    }
  }
  const INGRESS_CLASS = "kubernetes.io/ingress.class";
  if (c.exposure.ingressClass !== undefined && INGRESS_CLASS in c.exposure.annotations) {
    refuse(
      ["exposure", "annotations"],
      `must not have ${INGRESS_CLASS} if exposure.ingressClass is set: Kubernetes rejects an Ingress with both`,
      c.exposure.annotations,
    );
  }
  const { engine, fast, replicas, node, react } = c.scaling;
  if (fast && engine !== "hpa") {
    refuse(
      ["scaling", "fast"],
      "requires scaling.engine hpa; with keda, two programs would scale on the same load",
      fast,
    );
  }
  const targets = {
    node: c.images.node.metricsPath === null ? [] : [node.requestsPerPod, node.inFlightPerPod, node.eventLoopPercent],
    react: c.images.react.metricsPath === null ? [] : [react.requestsPerPod],
  };
  const hasSignal = (name: keyof typeof targets) => targets[name].some((target) => target !== null);
  if (fast && !hasSignal("node") && !hasSignal("react")) {
    refuse(
      ["scaling", "fast"],
      "requires at least one load signal: set images.node.metricsPath and scaling.node.requestsPerPod, or the same keys for react",
      fast,
    );
  }
  for (const name of ["node", "react"] as const) {
    const { sparePods, max } = c.scaling[name];
    const refuseSpare = (message: string) => refuse(["scaling", name, "sparePods"], message, sparePods);
    if (sparePods === 0) continue;
    if (!fast) refuseSpare(`requires scaling.fast: true; without it, increase scaling.${name}.min instead`);
    else if (c.images[name].metricsPath === null) refuseSpare(`requires images.${name}.metricsPath`);
    else if (!hasSignal(name)) refuseSpare(`requires a load signal, such as scaling.${name}.requestsPerPod`);
    else if (sparePods >= max) refuseSpare(`must be below scaling.${name}.max (${max})`);
  }
  if (engine === "keda" && replicas.clientsPerPod !== null && replicas.clientsPerPod <= node.max + 1) {
    refuse(
      ["scaling", "replicas", "clientsPerPod"],
      `must be above scaling.node.max + 1 (${node.max + 1}): each API pod and the exporter hold a connection to every replica, so adding replicas would never bring it below that`,
      replicas.clientsPerPod,
    );
  }
  if (engine === "keda" && c.images.node.metricsPath === null) {
    refuse(
      ["scaling", "engine"],
      "needs images.node.metricsPath: KEDA scales on the load that the API reports there",
      engine,
    );
  }
  if (engine === "keda" && new Set([c.namespaces.app, c.namespaces.monitoring, c.namespaces.keda]).size < 3) {
    refuse(["namespaces", "keda"], "must differ from namespaces.app and namespaces.monitoring", c.namespaces.keda);
  }
  if (c.namespaces.app === c.namespaces.monitoring && c.monitoring.nodeExporter && c.observability === "install") {
    refuse(
      ["namespaces", "monitoring"],
      "must differ from namespaces.app if monitoring.nodeExporter is true: node-exporter needs a privileged namespace",
      c.namespaces.monitoring,
    );
  }
  if (c.monitoring.controlPlane && !c.monitoring.kubeSystem) {
    refuse(
      ["monitoring", "controlPlane"],
      "requires monitoring.kubeSystem: Prometheus finds the control plane by Services in kube-system",
      true,
    );
  }
}
