/**
 * Detects that the states in files belong to a system on another cluster, because the user has selected a different
 * one since. A deployment would overwrite the only states of that system, and so would `down`.
 */
import * as fs from "node:fs";
import * as path from "node:path";
import { PROJECT_ROOT } from "../../catalog/paths";
import type { Kube } from "../cluster/kubectl";
import { Failure } from "../terminal/ui";

interface Cluster {
  readonly context?: string;
  readonly server?: string;
  /** Namespace that lives as long as the cluster, or as long as this user's part of it. */
  readonly namespace?: string;
  /** UID of that namespace; undefined if this user may not read it. */
  readonly uid?: string;
}

const fileOf = ({ config }: Kube): string => path.resolve(PROJECT_ROOT, config.state.dir, "cluster.json");

async function clusterOf(kube: Kube): Promise<Cluster> {
  const { app, create } = kube.config.namespaces;
  // a user with access to a single namespace may read that one
  const namespace = create ? "kube-system" : app;
  const [found] = await kube.visible("namespace", namespace);
  const uid = found?.metadata.uid;
  return { ...(await kube.selected()), ...(uid ? { namespace, uid } : {}) };
}

function recorded(kube: Kube): Cluster | undefined {
  try {
    return JSON.parse(fs.readFileSync(fileOf(kube), "utf8")) as Cluster;
  } catch {
    // there is none before the first `up` of this version; one that is not readable is replaced by the next
    return undefined;
  }
}

/** Host of a server's address: the port of a local cluster changes when it is created again. */
const hostOf = (server: string | undefined): string | undefined =>
  server && URL.canParse(server) ? new URL(server).hostname : server;

/**
 * Does nothing with states in the cluster or in S3, or for a cluster that was created again with the same name.
 *
 * @param hasState whether the states contain anything
 * @throws Failure that names both clusters
 */
export async function checkCluster(kube: Kube, hasState: boolean): Promise<void> {
  const { state } = kube.config;
  const then = state.backend === "local" && hasState ? recorded(kube) : undefined;
  if (!then?.uid) return;
  const now = await clusterOf(kube);
  // the UIDs of two namespaces cannot be compared: namespaces.create, or the namespace's name, has changed
  if (!now.uid || now.uid === then.uid || (then.namespace !== undefined && now.namespace !== then.namespace)) return;
  if (now.context === then.context && hostOf(now.server) === hostOf(then.server)) return;
  const name = ({ context, server }: Cluster) => `${context ?? "(no context)"} at ${server ?? "an unknown address"}`;
  throw new Failure(
    `The states in ${state.dir} contain a system on another cluster: ${name(then)}. The selected cluster is ${name(now)}. Nothing was changed.`,
    [
      `To use this cluster as well, give its states their own folder: state.dir (IAC_STATE_DIR=.state-${now.context ?? "second"}).`,
      "To continue with the other cluster, select it: cluster.context, or KUBECONFIG.",
      `If the other cluster no longer exists, delete ${state.dir}.`,
    ].join("\n"),
  );
}

/**
 * Records the cluster on which a deployment is about to begin. If this user may not identify it, an earlier record of a
 * cluster at the same address is kept.
 */
export async function recordCluster(kube: Kube): Promise<void> {
  if (kube.config.state.backend !== "local") return;
  const cluster = await clusterOf(kube);
  const earlier = recorded(kube);
  if (!cluster.uid && earlier?.uid && hostOf(earlier.server) === hostOf(cluster.server)) return;
  const file = fileOf(kube);
  fs.mkdirSync(path.dirname(file), { recursive: true });
  fs.writeFileSync(file, `${JSON.stringify(cluster, null, 2)}\n`);
}
