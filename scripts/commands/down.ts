/** `npm run down`: removes everything of ours, and proves that nothing is left. */
import { loadConfig, type Config } from "../../config";
import { BACKUPS_CLAIM } from "../../catalog/names";
import { WORKLOAD_NAME } from "../../catalog/workloads";
import { LAYERS } from "../../stacks/outputs";
import { chooseCluster } from "../cluster/choose-cluster";
import { checkStateIsHere } from "../terraform/backend-change";
import { freeScaledObjects } from "../deploy/keda-to-hpa";
import { contextName, deleteKind } from "../cluster/kind";
import { Kube } from "../cluster/kubectl";
import { destroyLayers } from "../deploy/layers";
import { isKindConfig, removeKindConfig } from "../cluster/kind-config";
import { checkTerraform } from "../deploy/preflight";
import { findLeftovers, markOurCrds, removeLeftovers } from "../deploy/leftovers";
import { synth } from "../terraform/synth";
import { ourNamespaces } from "../deploy/readiness";
import { Terraform } from "../terraform/terraform";
import { bold, confirm, Failure, green, inStep, isInteractive, say, seconds } from "../terminal/ui";

/** Longest wait until the cluster has forgotten everything, ms. */
const GONE_MS = 120_000;

export interface DownOptions {
  readonly yes: boolean;
  /** The kind cluster that `up` made stays, with its registry. */
  readonly keepCluster: boolean;
}

export async function down(options: DownOptions): Promise<void> {
  const begin = Date.now();
  const config = loadConfig();
  await checkTerraform(config);
  const kube = await chooseCluster(config, { action: "Remove everything of ours from", yes: options.yes });
  await checkStateIsHere(kube);

  const cluster = isKindConfig() && !options.keepCluster;
  for (const line of await whatGoes(kube, cluster)) say(line);
  if (!options.yes) {
    if (!isInteractive())
      throw new Failure("This deletes data, and there is no terminal to ask on.", "Answer with: npm run down -- --yes");
    if (!(await confirm("Delete all of it, for good?"))) throw new Failure("Nothing was changed.");
  }

  await synth(config, { tolerant: true });
  const observability = new Terraform(config, "observability");
  await observability.init();
  await markOurCrds(kube, observability);
  const freed = await freeScaledObjects(kube);
  if (freed) say(`  KEDA does not run: ${freed} of its objects no longer wait for it`);
  await destroyLayers(kube);
  await clean(kube);

  if (cluster) {
    await inStep("kind cluster", async () => {
      await deleteKind(config);
      removeKindConfig();
      return `${contextName(config)} and its registry removed`;
    });
  }
  say(`${bold("Down")} after ${seconds(Date.now() - begin)}. Pushed images stay in the registry.`);
}

/** What a destroy left is removed; then the cluster is searched until nothing is found. */
async function clean(kube: Kube): Promise<void> {
  let kept: readonly string[] = [];
  await inStep("residue", async (step) => {
    step.doing("sweeping");
    const removal = await removeLeftovers(kube);
    kept = removal.kept;
    const end = Date.now() + GONE_MS;
    let left = await findLeftovers(kube);
    while (left.length && Date.now() < end) {
      step.doing(`waiting for ${left.length} objects to go`);
      await new Promise((resolve) => setTimeout(resolve, 1000));
      left = await findLeftovers(kube);
    }
    if (left.length) {
      throw new Failure(
        `Still in the cluster after ${GONE_MS / 1000} s:\n  ${left.join("\n  ")}`,
        "Look at their finalizers: kubectl get KIND NAME -o yaml; then run it again.",
      );
    }
    const leftovers = removal.removed.length;
    const unseen = kube.unseen.size ? `, as far as this user may look (not at ${[...kube.unseen].join(", ")})` : "";
    return green(`nothing is left${leftovers ? ` (${leftovers} leftovers of charts removed)` : ""}${unseen}`);
  });
  for (const line of [...kept, ...(await emptyStates(kube))]) say(`  kept: ${line}`);
}

/** Terraform keeps a state in the cluster, empty as it is now. */
async function emptyStates(kube: Kube): Promise<string[]> {
  const { backend, namespace, prefix } = kube.config.state;
  if (backend !== "kubernetes") return [];
  const names = LAYERS.map((layer) => `tfstate-default-${prefix}-${layer}`);
  return [`Terraform's empty states. Remove them: kubectl -n ${namespace} delete secret ${names.join(" ")}`];
}

const list = (names: readonly string[]): string => names.join(", ").replace(/, ([^,]*)$/, " and $1");

/** What will be deleted, in sentences. */
async function whatGoes(kube: Kube, cluster: boolean): Promise<string[]> {
  const { config } = kube;
  const { create } = config.namespaces;
  const lines = ["This deletes:"];
  const spaces = ourNamespaces(config);
  const claims = (await Promise.all(spaces.map((ns) => kube.list("pvc", "-n", ns)))).flat();
  for (const pvc of claims) {
    const [, member] = /^data-redis-main-(\d+)$/.exec(pvc.metadata.name) ?? [];
    const holds =
      member === undefined
        ? pvc.metadata.name === BACKUPS_CLAIM
          ? "the scheduled backups; keep the last: npm run backup -- --fetch latest"
          : "metrics"
        : member === "0"
          ? `all keys and values (${await keyCount(kube, config)})`
          : "another copy of them";
    lines.push(
      `  volume ${pvc.metadata.namespace}/${pvc.metadata.name}, ${pvc.status?.capacity?.storage ?? "unbound"}: ${holds}`,
    );
  }
  if (create)
    lines.push(
      `  ${spaces.length > 1 ? "the namespaces" : "the namespace"} ${list(spaces)} with everything in ${spaces.length > 1 ? "them" : "it"}`,
    );
  else lines.push(`  our objects in ${list(spaces)}; the namespaces stay`);
  if (cluster) lines.push(`  the kind cluster ${contextName(config)} and its registry`);
  return lines;
}

/** How many keys go, as the exporter's last word or "not counted". */
async function keyCount(kube: Kube, config: Config): Promise<string> {
  try {
    const script = "printf 'AUTH probe %s\\nDBSIZE\\n' \"$(cat /run/secrets/redis/probe)\" | redis-cli";
    const out = await kube.raw(
      ["-n", config.namespaces.app, "exec", `${WORKLOAD_NAME["redis-main"]}-0`, "--", "sh", "-c", script],
      { timeoutMs: 10_000 },
    );
    const keys = Number(out.trim().split("\n").at(-1));
    return `${keys} ${keys === 1 ? "key" : "keys"}`;
  } catch {
    return "main does not answer, not counted";
  }
}
