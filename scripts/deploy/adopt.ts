/**
 * Adopts a running system whose states are lost: imports its objects into the states of this checkout. It reads the
 * cluster and changes nothing in it, so no pod restarts and no password changes. An ordinary plan then shows where the
 * system differs from the configuration (docs/decisions/0016-lost-checkouts.md).
 *
 * Layer data is written last. Until then, this checkout does not recognize the system, and a new run starts from the
 * beginning.
 */
import { WORKLOAD_NAME } from "../../catalog/workloads";
import { imageNames, type ResolvedImages } from "../../modules/images/resolve";
import { LAYERS, type LayerName } from "../../stacks/outputs";
import { isOurs } from "../cluster/kube-object";
import type { Kube, KubeObject } from "../cluster/kubectl";
import {
  addressOf,
  completeManifest,
  completeRelease,
  completeTyped,
  merged,
  secretResource,
  type StateFile,
  type StateResource,
} from "../terraform/adopted-state";
import { expectedObjects, expectedOutputs, NOTHING_KNOWN, type Known } from "../terraform/expected-objects";
import { importObjects } from "../terraform/import-objects";
import { hasState } from "../terraform/backend-change";
import type { Stack } from "../terraform/render-manifests";
import { withStores, type StateStore } from "../terraform/state-store";
import { readStacks } from "../terraform/synth";
import { Terraform } from "../terraform/terraform";
import { run as realRun, RunError, type Run } from "../terminal/run-program";
import { Failure, inStep } from "../terminal/ui";
import { checkAdoptable, checkOwners, confirmAdoption } from "./adoption-checks";
import { readRecord, reportUnwritten, writeRecord } from "./deployment-record";
import { revertedBy } from "./drift";
import { checkTerraform } from "./preflight";
import { finishRecreation } from "./recreate-set";
import { isAsConfigured, strangeRelease, survey, type Found } from "./ownership";

/** Field manager of a `kubernetes_manifest` that does not set one. */
const PROVIDERS_MANAGER = "Terraform";
const LAST_WRITTEN: LayerName = "data";

/** Addresses and images that the cluster has. */
async function knownIn(kube: Kube, found: readonly Found[]): Promise<Known> {
  const { app } = kube.config.namespaces;
  const services = found.filter(({ live }) => live.kind === "Service" && live.metadata.namespace === app);
  const addresses = services.map(({ live }) => [live.metadata.name, String(live.spec?.["clusterIP"])] as const);
  const images: Record<string, string> = {};
  for (const name of imageNames(kube.config)) {
    const deployment = await kube.get("deployment", WORKLOAD_NAME[name], app);
    const image = deployment?.spec?.template?.spec.containers[0]?.image;
    // without a Deployment, layer app still needs an output to read; the next deployment replaces the placeholder
    images[`${name}_image`] = image ?? "unknown";
  }
  return { images, addresses: Object.fromEntries(addresses) };
}

/** An imported resource, completed with the attributes that exist only in the configuration. */
async function completed(kube: Kube, { expected, live }: Found, resource: StateResource): Promise<StateResource> {
  const [instance] = resource.instances;
  const { body, type } = expected;
  if (!instance || !body) return resource;
  const { private: _, ...rest } = instance;
  const as = (attributes: StateFile["resources"][0]["instances"][0]["attributes"]): StateResource => ({
    ...resource,
    instances: [{ ...rest, attributes }],
  });
  if (type === "helm_release")
    return isAsConfigured(expected, resource) ? as(completeRelease(instance.attributes, body)) : resource;
  if (type !== "kubernetes_manifest") return as(completeTyped(instance.attributes, body, live));
  const manager = (body["field_manager"] as { name?: string } | undefined)?.name ?? PROVIDERS_MANAGER;
  return (await differs(kube, body["manifest"] as KubeObject, live, manager))
    ? resource
    : as(completeManifest(instance.attributes, body));
}

/** Whether the object differs from the manifest; also true if an immutable field differs. */
async function differs(kube: Kube, manifest: KubeObject, live: KubeObject, manager: string): Promise<boolean> {
  try {
    return (await revertedBy(kube, manifest, live, manager)).length > 0;
  } catch (error) {
    if (error instanceof RunError && /is invalid|forbidden: updates/i.test(error.output)) return true;
    throw error;
  }
}

/**
 * Namespaces that only this system uses, for a system without a record. If the cluster has a second system, this is
 * only the application's namespace.
 */
async function ownNamespaces(kube: Kube, found: readonly Found[]): Promise<ReadonlySet<string>> {
  const ours = found.filter(({ expected }) => expected.type === "kubernetes_namespace_v1").map((f) => f.expected.name);
  const { app } = kube.config.namespaces;
  const all = (await kube.visible("namespaces")).filter(isOurs).map((n) => n.metadata.name);
  return new Set(all.every((name) => ours.includes(name)) ? [...ours, app] : [app]);
}

export interface AdoptOptions {
  /**
   * Command that adopts the system; the confirmation prompt names it.
   * @default no confirmation is requested
   */
  readonly command?: string;
  /**
   * The synthesized layers.
   * @default those in cdktf.out
   */
  readonly stacks?: Readonly<Record<string, Stack>>;
  /** Folder of a synthesized layer, with its providers. */
  readonly layerOf?: (layer: LayerName) => LayerFolder;
  readonly run?: Run;
}
type LayerFolder = Pick<Terraform, "dir" | "init">;

/**
 * Imports the system into the states of this checkout.
 *
 * @throws Failure that names each object that does not belong to the system or that this configuration does not
 * describe
 */
export async function adopt(kube: Kube, images: ResolvedImages, options: AdoptOptions = {}): Promise<void> {
  const { config } = kube;
  const { stacks = readStacks(), layerOf = (layer) => new Terraform(config, layer), run = realRun } = options;
  const [record, terraformVersion] = [await readRecord(kube), await checkTerraform(config, run)];
  await checkAdoptable(kube, record);
  if (options.command) await confirmAdoption(kube, record, options.command);
  // finishes what a killed run of the lost checkout left behind, because the set must exist to be adopted
  await finishRecreation(kube);
  let unwritten: string | undefined;
  await inStep("adopt", async (step) => {
    step.doing("looking for the system's objects");
    const names = LAYERS.flatMap((layer) => expectedObjects(layer, stacks, NOTHING_KNOWN));
    const { found, others } = await survey(kube, names);
    // a second run, after part of the system was removed
    if (!found.length && (await hasState(kube))) return "nothing is left to adopt";
    checkOwners(kube, found, others, { record, stacks });
    const known = await knownIn(kube, found);
    const lives = new Map<string, KubeObject>(found.map((f) => [`${f.expected.layer} ${f.expected.address}`, f.live]));

    const own = record?.outside === undefined ? await ownNamespaces(kube, found) : undefined;
    let count = 0;
    const use = async (stores: Readonly<Record<LayerName, StateStore>>): Promise<void> => {
      const states = new Map<LayerName, StateFile>();
      for (const layer of LAYERS) {
        const text = await stores[layer].text();
        const inState = new Set(text ? (JSON.parse(text) as StateFile).resources.map(addressOf) : []);
        const missing = expectedObjects(layer, stacks, known).flatMap((expected): Found[] => {
          const live = lives.get(`${layer} ${expected.address}`);
          return live && !inState.has(expected.address) ? [{ expected, live }] : [];
        });
        const onProgress = (text: string) => step.doing(`layer ${layer}: ${text}`);
        const resources = await resourcesOf(kube, layerOf(layer), missing, { own, onProgress, run });
        count += resources.length;
        states.set(
          layer,
          merged(text, { resources, outputs: expectedOutputs(layer, stacks, known) }, terraformVersion),
        );
      }
      step.doing("writing the states");
      for (const layer of [...LAYERS.filter((name) => name !== LAST_WRITTEN), LAST_WRITTEN])
        await stores[layer].write(JSON.stringify(states.get(layer)));
    };
    await withStores(config, images, use, run);
    if (record) unwritten = await writeRecord(kube, stacks, { deployed: record, run });
    if (!count) return "the states of this checkout already contain the whole system";
    return `${count} objects are now in the states of this checkout; nothing in the cluster was changed`;
  });
  reportUnwritten(unwritten);
}

interface ResourceOptions {
  /** Namespaces that only this system uses, if no record lists its releases. */
  readonly own: ReadonlySet<string> | undefined;
  readonly onProgress: (text: string) => void;
  readonly run: Run;
}

/** The objects as state resources. @throws Failure that names a Helm release that does not belong to the system */
async function resourcesOf(
  kube: Kube,
  layer: LayerFolder,
  missing: readonly Found[],
  { own, onProgress, run }: ResourceOptions,
): Promise<StateResource[]> {
  const { terraform: program } = kube.config;
  if (missing.length) await layer.init();
  const isSecret = ({ expected }: Found) => expected.type === "kubernetes_secret_v1";
  const targets = missing.filter((one) => !isSecret(one)).map(({ expected }) => expected);
  const imported = await importObjects(layer, targets, {
    ...{ program, run },
    onProgress: (done) => onProgress(`${done} of ${targets.length} objects read`),
  });
  const resources: StateResource[] = [];
  for (const resource of imported) {
    const one = missing.find(({ expected }) => expected.address === addressOf(resource))!;
    const strange = own && one.expected.type === "helm_release" && strangeRelease(one, resource, own);
    if (strange) throw foreignRelease(strange);
    onProgress(`comparing ${one.expected.name}`);
    resources.push(await completed(kube, one, resource));
  }
  const provider = `provider["${registryOf(program)}/hashicorp/kubernetes"]`;
  const secrets = missing
    .filter(isSecret)
    .map(({ expected, live }) => secretResource(expected, expected.body ?? {}, live, provider));
  return [...resources, ...secrets];
}

/** Registry from which Terraform or OpenTofu installs providers; a state contains its name. */
const registryOf = (program: "terraform" | "tofu"): string =>
  program === "tofu" ? "registry.opentofu.org" : "registry.terraform.io";

const foreignRelease = (reason: string): Failure =>
  new Failure(
    `The ${reason}. Nothing was changed.`,
    "If it is not part of the system, exclude it: set metricsServer.mode, keda.mode or observability to existing. If it is, use the version and the settings with which the system was deployed.",
  );
