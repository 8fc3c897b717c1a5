/** Checks before an adoption. A failed check names each object concerned and changes nothing. */
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { stateSecret } from "../../catalog/names";
import type { Kube, KubeObject } from "../cluster/kubectl";
import { outsideOf, type Stacks } from "../terraform/expected-objects";
import { confirm, Failure, isInteractive } from "../terminal/ui";
import { origin, ownSettings, placeOfStates, type DeploymentRecord } from "./deployment-record";
import { strangers, type Found } from "./ownership";

/** Objects that a message lists. */
const LISTED = 8;
const list = (names: readonly string[]): string =>
  names.slice(0, LISTED).join(", ") + (names.length > LISTED ? `, and ${names.length - LISTED} more` : "");

/** Asks for confirmation before an adoption, because two sets of states for one system would contradict each other. */
export async function confirmAdoption(
  kube: Kube,
  record: Partial<DeploymentRecord> | undefined,
  command: string,
): Promise<void> {
  const { app } = kube.config.namespaces;
  if (!isInteractive())
    throw new Failure(
      `--adopt takes over the system in namespace ${app}, and there is no terminal to ask for confirmation. ${origin(record)}`,
      `Confirm with: npm run ${command} -- --adopt --yes`,
    );
  const question = `Adopt the system in namespace ${app}? ${origin(record)} Those states must not be used afterwards.`;
  if (!(await confirm(question))) throw new Failure("Nothing was changed.");
}

/** @throws Failure if the states of the system are not lost */
export async function checkAdoptable(kube: Kube, record: Partial<DeploymentRecord> | undefined): Promise<void> {
  const { config } = kube;
  const here = placeOfStates(config);
  if (!record?.states || (record.states === here.states && record.settings === here.settings)) return;
  const place = await statesAt(kube, record);
  if (place)
    throw new Failure(
      `The states of the system in namespace ${config.namespaces.app} are not lost: they are in ${place}. Nothing was changed.`,
      `Use them: ${record.settings || `state.dir: ${record.states}`}`,
    );
}

/** Location of the states that the record names; undefined if they are lost, or on another machine. */
async function statesAt(kube: Kube, record: Partial<DeploymentRecord>): Promise<string | undefined> {
  if (record.backend === "local") {
    const isThisMachine = record.deployedBy?.endsWith(`@${os.hostname()}`);
    return isThisMachine && fs.existsSync(path.join(record.states!, "data.tfstate")) ? record.states : undefined;
  }
  if (record.backend !== "kubernetes") return undefined;
  const [, namespace, prefix] = /state\.namespace: (\S+), state\.prefix: (\S+)/.exec(record.settings ?? "") ?? [];
  if (!namespace || !prefix) return undefined;
  const [secret] = await kube.visible("secret", stateSecret(prefix, "data"), "-n", namespace);
  return secret && record.states;
}

/** Settings in which the record differs from this configuration, each as `redis.durability: ha (here: safe)`. */
export function otherSettings(kube: Kube, record: Partial<DeploymentRecord> | undefined): string[] {
  if (record?.configuration === undefined) return [];
  const parse = (lines: readonly string[]) =>
    new Map(lines.filter(Boolean).map((line) => line.split(/: (.*)/s).slice(0, 2) as [string, string]));
  const [theirs, ours] = [parse(record.configuration.split("\n")), parse(ownSettings(kube.config))];
  return [...new Set([...theirs.keys(), ...ours.keys()])]
    .filter((key) => theirs.get(key) !== ours.get(key))
    .map((key) => `${key}: ${theirs.get(key) ?? "default"} (here: ${ours.get(key) ?? "default"})`);
}

/**
 * @throws Failure that names the objects that are not ours or that this configuration does not describe, or that says
 * that there is nothing to adopt
 */
export function checkOwners(
  kube: Kube,
  found: readonly Found[],
  others: readonly KubeObject[],
  { record, stacks }: { readonly record: Partial<DeploymentRecord> | undefined; readonly stacks: Stacks },
): void {
  const { app } = kube.config.namespaces;
  if (!found.length)
    throw new Failure(
      `There is nothing to adopt: no object of this configuration exists in namespace ${app} or elsewhere in the cluster.`,
      "Deploy a new system: npm run up. To adopt a system in other namespaces, set namespaces.app and namespaces.monitoring.",
    );
  const strange = strangers(app, found, record);
  if (strange.length)
    throw new Failure(
      `The system was not adopted, because these objects do not belong to it: ${list(strange)}. Nothing was changed.`,
      "Use the same names and modes as the system to adopt: namespaces, observability, metricsServer.mode, keda.mode.",
    );
  const described = outsideOf(app, stacks);
  const undescribed = [
    ...others.map((o) => `${o.kind} ${o.metadata.name}`),
    ...(record?.outside ?? "").split("\n").filter((entry) => entry && !described.includes(entry)),
  ];
  if (!undescribed.length) return;
  const settings = otherSettings(kube, record);
  throw new Failure(
    `The system was not adopted, because this configuration does not describe ${list(undescribed)} of the system in namespace ${app}. Nothing was changed.`,
    settings.length
      ? `It was deployed with ${settings.join(", ")}. Adopt it with the same settings; change them afterwards.`
      : "Adopt the system with the version and the settings with which it was deployed; change them afterwards.",
  );
}
