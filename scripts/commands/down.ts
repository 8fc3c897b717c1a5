/** `npm run down`: removes everything that this project deployed, and verifies that nothing is left. */
import { loadConfig, type Config } from "../../config";
import { BACKUPS_CLAIM, stateSecret } from "../../catalog/names";
import { WORKLOAD_NAME } from "../../catalog/workloads";
import { LAYERS } from "../../stacks/outputs";
import { chooseCluster } from "../cluster/choose-cluster";
import { checkStateIsHere } from "../terraform/backend-change";
import { adopt } from "../deploy/adopt";
import { freeScaledObjects } from "../deploy/keda-to-hpa";
import { contextName, deleteKind } from "../cluster/kind";
import { Kube } from "../cluster/kubectl";
import { destroyLayers } from "../deploy/layers";
import { isKindConfig, removeKindConfig } from "../cluster/kind-config";
import { checkTerraform } from "../deploy/preflight";
import { checkSystemIsKnown } from "../deploy/unknown-deployment";
import { findLeftovers, markOurCrds, removeLeftovers } from "../deploy/leftovers";
import { finishRecreation } from "../deploy/recreate-set";
import { synth } from "../terraform/synth";
import { mayBeOurs, ourNamespaces } from "../deploy/readiness";
import { stopWorkloads } from "../deploy/stop-workloads";
import { DeletionReport, terminatingOf, textOf } from "../deploy/terminating";
import { whileReporting } from "../deploy/trouble";
import { Terraform } from "../terraform/terraform";
import { announce, bold, confirm, Failure, green, inStep, isInteractive, say, seconds, yellow } from "../terminal/ui";

/** Time allowed for the cluster to delete everything, in ms. */
const DELETION_MS = 120_000;

export interface DownOptions {
  readonly yes: boolean;
  /** Keep the kind cluster that `up` created, and its registry. */
  readonly keepCluster: boolean;
  /** Remove a system whose states are lost. */
  readonly adopt: boolean;
}

export async function down(options: DownOptions): Promise<void> {
  const begin = Date.now();
  const config = loadConfig();
  await checkTerraform(config);
  const kube = await chooseCluster(config, { action: "Remove the whole deployment from", yes: options.yes });
  await checkStateIsHere(kube);
  if (!options.adopt) await checkSystemIsKnown(kube);
  const images = await synth(config, { tolerant: true });
  if (!options.yes && !isInteractive())
    throw new Failure(
      "This deletes data, and there is no terminal to ask for confirmation.",
      `Confirm with: npm run down -- ${options.adopt ? "--adopt " : ""}--yes`,
    );
  // needs no confirmation, because it changes nothing in the cluster
  if (options.adopt) await adopt(kube, images);
  else await checkSystemIsKnown(kube, new Terraform(config, "data"));

  const cluster = isKindConfig() && !options.keepCluster;
  for (const line of await deletions(kube, cluster)) say(line);
  if (!options.yes && !(await confirm("Delete all of it permanently?")))
    throw new Failure("Nothing in the cluster was changed.");

  const observability = new Terraform(config, "observability");
  await observability.init();
  await markOurCrds(kube, observability);
  const freed = await freeScaledObjects(kube);
  if (freed) say(`  KEDA is not running: removed its finalizers from ${freed} ScaledObjects`);
  // a run interrupted while recreating main's StatefulSet may have left pods behind that `terraform destroy` would not find
  await finishRecreation(kube);
  const report = new DeletionReport(kube, ourNamespaces(config), (text) => announce(yellow(`! ${text}`)));
  await whileReporting(report, async () => {
    await destroyLayers(kube, () => inStep("pods", (step) => stopWorkloads(kube, (text) => step.doing(text))));
    await clean(kube);
  });

  if (cluster) {
    await inStep("kind cluster", async () => {
      await deleteKind(config);
      removeKindConfig();
      return `${contextName(config)} and its registry removed`;
    });
  }
  say(`${bold("Down")} after ${seconds(Date.now() - begin)}. Pushed images stay in the registry.`);
}

/** Removes leftovers of the destroy, then waits until the cluster contains none of our objects. */
async function clean(kube: Kube): Promise<void> {
  let kept: readonly string[] = [];
  await inStep("leftovers", async (step) => {
    step.doing("removing");
    const removal = await removeLeftovers(kube);
    kept = removal.kept;
    const end = Date.now() + DELETION_MS;
    let left = await findLeftovers(kube);
    while (left.length && Date.now() < end) {
      step.doing(`waiting until ${left.length} objects are deleted`);
      await new Promise((resolve) => setTimeout(resolve, 1000));
      left = await findLeftovers(kube);
    }
    if (left.length) {
      const stuck = (await terminatingOf(kube, ourNamespaces(kube.config))).filter((one) => one.reason !== undefined);
      throw new Failure(
        `Still in the cluster after ${DELETION_MS / 1000} s:\n  ${[...left, ...stuck.map(textOf)].join("\n  ")}`,
        "Check their finalizers: kubectl get KIND NAME -o yaml. Then run npm run down again.",
      );
    }
    const count = removal.removed.length;
    const unchecked = kube.forbidden.size
      ? `; not checked (this user may not list them): ${[...kube.forbidden].join(", ")}`
      : "";
    return green(`nothing is left${count ? ` (${count} leftovers removed)` : ""}${unchecked}`);
  });
  for (const line of [...kept, ...(await emptyStates(kube))]) say(`  kept: ${line}`);
}

/** Terraform does not delete its states in the cluster, although they are empty now. */
async function emptyStates(kube: Kube): Promise<string[]> {
  const { backend, namespace, prefix } = kube.config.state;
  if (backend !== "kubernetes") return [];
  const names = LAYERS.map((layer) => stateSecret(prefix, layer));
  return [`Terraform's empty states. Remove them: kubectl -n ${namespace} delete secret ${names.join(" ")}`];
}

const list = (names: readonly string[]): string => names.join(", ").replace(/, ([^,]*)$/, " and $1");

/** What will be deleted, one line each. */
async function deletions(kube: Kube, cluster: boolean): Promise<string[]> {
  const { config } = kube;
  const { create } = config.namespaces;
  const lines = ["This deletes:"];
  const spaces = ourNamespaces(config);
  const all = (await Promise.all(spaces.map((ns) => kube.list("pvc", "-n", ns)))).flat();
  const claims = all.filter((claim) => mayBeOurs(config, claim));
  for (const pvc of claims) {
    const [, member] = /^data-redis-main-(\d+)$/.exec(pvc.metadata.name) ?? [];
    const holds =
      member === undefined
        ? pvc.metadata.name === BACKUPS_CLAIM
          ? "the scheduled backups; to keep the last one: npm run backup -- --fetch latest"
          : "metrics"
        : member === "0"
          ? `all keys and values (${await keyCount(kube, config)})`
          : "another copy of the keys and values";
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

/** The number of keys on main. */
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
    return "not counted, because main does not answer";
  }
}
