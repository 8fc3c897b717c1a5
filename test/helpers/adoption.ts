/** Stand-ins for kubectl and Terraform, with a cluster that contains the objects of the synthesized layers. */
import * as fs from "node:fs";
import * as path from "node:path";
import type { Config } from "../../config";
import { clusterFlags, Kube, type KubeObject } from "../../scripts/cluster/kubectl";
import { adopt } from "../../scripts/deploy/adopt";
import { RunError, type Run } from "../../scripts/terminal/run-program";
import type { StateFile } from "../../scripts/terraform/adopted-state";
import { kindOf } from "../../scripts/terraform/cluster-object";
import { expectedObjects, type ExpectedObject } from "../../scripts/terraform/expected-objects";
import type { Stack } from "../../scripts/terraform/render-manifests";
import { LAYERS, type LayerName } from "../../stacks/outputs";
import { builtImages, synthesize, testConfig } from "./layers";

export const OURS = { "app.kubernetes.io/part-of": "iacproject", "app.kubernetes.io/managed-by": "terraform" };
export const PASSWORD = Buffer.from("password of admin").toString("base64");
const KNOWN = { images: { node_image: "node@sha256:1", react_image: "react@sha256:2" }, addresses: {} };

/** An object, with kubectl's name for its kind. */
export interface Live extends KubeObject {
  readonly by: string;
}

export const object = (by: string, name: string, more: object = {}): Live => ({
  ...{ by, apiVersion: "v1", kind: by[0]!.toUpperCase() + by.slice(1) },
  metadata: { name, namespace: "iacproject", labels: OURS },
  ...more,
});

function liveOf(one: ExpectedObject): Live[] {
  const { type, name, namespace, body } = one;
  const metadata = { name, ...(namespace ? { namespace } : {}), labels: OURS };
  if (type === "helm_release") {
    const labels = { owner: "helm", name };
    return [object("secrets", `sh.helm.release.v1.${name}.v1`, { metadata: { ...metadata, labels } })];
  }
  const by = kindOf(one);
  if (type !== "kubernetes_manifest") {
    const kind = { namespace: "Namespace", service: "Service" }[by];
    return [object(by, name, { metadata, data: { admin: PASSWORD }, ...(kind ? { kind } : {}) })];
  }
  const live = object(by, name, { ...(body!["manifest"] as object), by });
  return [live, ...(by === "deployment.apps" ? [{ ...live, by: "deployment" }] : [])];
}

/** Every object that a configuration's layers describe. */
export const everything = (stacks: Record<string, Stack>): Live[] =>
  LAYERS.flatMap((layer) => expectedObjects(layer, stacks, KNOWN)).flatMap(liveOf);

export interface Stage {
  readonly dir: string;
  readonly config: Config;
  readonly stacks: Record<string, Stack>;
  objects: Live[];
  record: object | undefined;
  /** States by layer. */
  readonly states: Map<LayerName, string>;
  readonly commands: string[];
  /** Layers in the order in which their states were written. */
  readonly written: LayerName[];
  /** A layer whose state cannot be written. */
  refuses: LayerName | undefined;
  /** Replaces the values of an imported Helm release. */
  values: Record<string, string>;
  run(): Promise<void>;
}

const SELECTED = /owner=helm,name=(\S+)/;

const synthesized = new Map<string, Record<string, Stack>>();
/** A configuration's layers, cached because a synthesis takes seconds. */
function stacksOf(overrides: object): Record<string, Stack> {
  const key = JSON.stringify(overrides);
  if (!synthesized.has(key)) synthesized.set(key, synthesize(overrides) as Record<string, Stack>);
  return synthesized.get(key)!;
}

/** Sets up a running system and a checkout without its states. */
export function stageOf(dir: string, overrides: object = {}): Stage {
  const config = testConfig({ state: { dir: path.join(dir, "states") }, ...overrides });
  const stacks = stacksOf({ state: { dir: path.join(dir, "states") }, ...overrides });
  const stage: Stage = {
    ...{ dir, config, stacks, objects: everything(stacks), record: undefined, refuses: undefined, values: {} },
    ...{ states: new Map(), commands: [], written: [] },
    run: async () => {
      const layerOf = (layer: LayerName) => {
        const folder = path.join(dir, layer);
        fs.mkdirSync(folder, { recursive: true });
        fs.writeFileSync(path.join(folder, "cdk.tf.json"), JSON.stringify(stacks[layer]));
        return { dir: folder, init: () => Promise.resolve() };
      };
      await adopt(new Kube(config, run), builtImages("held"), { stacks, layerOf, run });
    },
  };
  const answer = (stdout: unknown) =>
    Promise.resolve({
      ...{ code: 0, stderr: "" },
      stdout: typeof stdout === "string" ? stdout : stdout ? JSON.stringify(stdout) : "",
    });

  const kubectl = (args: readonly string[], input: string | undefined) => {
    if (args[0] === "apply") return answer(input!);
    const [, kind] = args;
    const namespace = args.includes("-n") ? args[args.indexOf("-n") + 1] : undefined;
    if (kind === "configmap" && args[2] === "iacproject-deployment") return answer({ data: stage.record });
    const release = SELECTED.exec(args.join(" "))?.[1];
    const items = stage.objects
      .filter(({ by }) => by === kind || `${by}s` === kind)
      .filter(({ metadata }) => !namespace || metadata.namespace === namespace)
      .filter(({ metadata }) => !release || metadata.labels?.["name"] === release)
      .filter(({ metadata }) => args[2]?.startsWith("-") !== false || metadata.name === args[2]);
    return answer({ items });
  };

  const imported = (folder: string, args: readonly string[]) => {
    const [address, id] = args.slice(-2) as [string, string];
    const [type, name] = address.split(".") as [string, string];
    const layer = LAYERS.find((l) => expectedObjects(l, stacks, KNOWN).some((o) => o.address === address))!;
    const { body } = expectedObjects(layer, stacks, KNOWN).find((o) => o.address === address)!;
    const attributes: Record<string, object> = {
      helm_release: {
        ...{ id, values: null, timeout: 300, description: "Install complete" },
        metadata: {
          version: body?.["version"],
          values: stage.values[id] ?? (body?.["values"] as string[] | undefined)?.[0] ?? "{}",
        },
      },
      kubernetes_manifest: { manifest: { value: null, type: ["object", {}] }, object: {} },
    };
    const instance = {
      schema_version: 1,
      attributes: attributes[type] ?? { id, metadata: [{ labels: {} }], timeouts: null, wait_for_load_balancer: true },
    };
    const provider = 'provider["registry.terraform.io/hashicorp/kubernetes"]';
    const resources = [{ mode: "managed", type, name, provider, instances: [instance] }];
    const out = args.find((arg) => arg.startsWith("-state-out="))!.slice("-state-out=".length);
    fs.writeFileSync(path.join(folder, out), JSON.stringify({ resources }));
    return answer("");
  };

  const run: Run = (program, given, { cwd, input }) => {
    const args = program === "kubectl" ? given.slice(clusterFlags(config).length) : given;
    stage.commands.push([program, ...args].join(" "));
    if (program === "kubectl") return kubectl(args, input);
    if (program === "git") return answer("abc1234");
    if (args[0] === "version") return answer({ terraform_version: "1.11.4" });
    if (args[0] === "import") return imported(cwd!, args);
    const layer = path.basename(cwd ?? "") as LayerName;
    if (args[0] === "state" && args[1] === "pull") return answer(stage.states.get(layer) ?? "");
    if (args[0] === "state" && args[1] === "push") {
      if (stage.refuses === layer) return Promise.reject(new RunError("terraform", 1, "", "terraform: killed"));
      stage.states.set(layer, fs.readFileSync(args.at(-1)!, "utf8"));
      stage.written.push(layer);
    }
    return answer("");
  };
  return stage;
}

export const stateOf = (stage: Stage, layer: LayerName): StateFile =>
  JSON.parse(stage.states.get(layer) ?? "null") as StateFile;
