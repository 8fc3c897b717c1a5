/** A running system whose states are lost is imported into a checkout's states, and nothing else is imported. */
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import type { Live } from "../../helpers/adoption";
import { object, OURS, PASSWORD, stageOf, stateOf, type Stage } from "../../helpers/adoption";
import { addressOf } from "../../../scripts/terraform/adopted-state";
import { outsideOf } from "../../../scripts/terraform/expected-objects";
import { LAYERS } from "../../../stacks/outputs";
import { resources } from "../../helpers/layers";

const dir = fs.mkdtempSync(path.join(os.tmpdir(), "iacproject-adopt-"));
afterAll(() => fs.rmSync(dir, { recursive: true }));
let said: jest.SpyInstance;
beforeEach(() => (said = jest.spyOn(console, "log").mockImplementation(() => undefined)));
afterEach(() => said.mockRestore());

const recordOf = (stage: Stage, more: object = {}) => ({
  ...{ deployedBy: "anna@laptop", deployedAt: "2026-11-25 21:00 UTC", version: "0.1.0", checkout: "/home/anna/iac" },
  ...{ backend: "local", states: "/home/anna/iac/.state", settings: "", configuration: "" },
  outside: outsideOf("iacproject", stage.stacks).join("\n"),
  ...more,
});
const addresses = (stage: Stage) =>
  resources(stage.stacks as Parameters<typeof resources>[0])
    .filter(({ type }) => type.startsWith("kubernetes_") || type === "helm_release")
    .map(({ layer, type, id }) => `${layer} ${type}.${id}`);
const inStates = (stage: Stage) =>
  LAYERS.flatMap((layer) => (stateOf(stage, layer)?.resources ?? []).map((r) => `${layer} ${addressOf(r)}`));
const imports = (stage: Stage) => stage.commands.filter((line) => line.startsWith("terraform import"));
const replace = (stage: Stage, by: string, name: string, change: (live: Live) => Live[]) =>
  (stage.objects = stage.objects.flatMap((o) => (o.by === by && o.metadata.name === name ? change(o) : [o])));

describe("adopting a system", () => {
  let stage: Stage;
  beforeAll(async () => {
    stage = stageOf(dir);
    stage.record = recordOf(stage);
    await stage.run();
  });

  it("imports every object of every layer into that layer's state, together with the layer's outputs", () => {
    expect(inStates(stage).sort()).toEqual(addresses(stage).sort());
    for (const layer of LAYERS)
      expect(Object.keys(stateOf(stage, layer).outputs)).toEqual(Object.keys(stage.stacks[layer]!.output ?? {}));
    expect(stateOf(stage, "images").outputs["node_image"]!.value).toBe("node@sha256:1");
  });
  it("changes nothing in the cluster except the record", () => {
    const changes = stage.commands.filter(
      (line) => /^kubectl (?!get |config )/.test(line) && !line.includes("--dry-run=server"),
    );
    expect(changes).toEqual([expect.stringMatching(/^kubectl apply --server-side --field-manager=iacproject /)]);
    expect(stage.commands.filter((line) => /terraform (apply|plan|destroy)/.test(line))).toEqual([]);
  });
  it("never imports a Secret, so no password reaches a state", () => {
    expect(imports(stage).length).toBeGreaterThan(20);
    expect(imports(stage).filter((line) => line.includes("kubernetes_secret"))).toEqual([]);
    expect([...stage.states.values()].filter((text) => text.includes(PASSWORD))).toEqual([]);
  });
  it("uses the providers in the layer's folder, without a registry", () => {
    const init = stage.commands.filter((line) => line.startsWith("terraform init") && line.includes("-plugin-dir="));
    expect(init).toHaveLength(3);
  });
  it("writes layer data last, because a checkout recognizes a system by that layer", () => {
    expect(stage.written).toEqual(["images", "app", "observability", "data"]);
  });
  it("a second run has nothing left to import", async () => {
    const before = imports(stage).length;
    await stage.run();
    expect(imports(stage)).toHaveLength(before);
    expect(inStates(stage).sort()).toEqual(addresses(stage).sort());
  });
});

it("an interrupted adoption can resume: until it completes, this checkout does not recognize the system", async () => {
  const stage = stageOf(dir);
  stage.record = recordOf(stage);
  stage.refuses = "observability";
  await expect(stage.run()).rejects.toThrow("killed");
  expect(stage.states.has("data")).toBe(false);
  stage.refuses = undefined;
  await stage.run();
  expect(inStates(stage).sort()).toEqual(addresses(stage).sort());
});

it("an adoption leaves differences from the configuration to an ordinary plan", async () => {
  const stage = stageOf(dir);
  stage.record = recordOf(stage);
  stage.values["kube-system/metrics-server"] = '{"replicas":1}';
  replace(stage, "deployment.apps", "node", (o) => [{ ...o, spec: { ...o.spec, revisionHistoryLimit: 99 } }]);
  await stage.run();
  const app = stateOf(stage, "app").resources;
  const attributes = (type: string, id: RegExp) =>
    app.find((r) => r.type === type && id.test(r.name))!.instances[0]!.attributes;
  expect(attributes("kubernetes_manifest", /^node_/)["manifest"]).toMatchObject({ value: null });
  expect(attributes("kubernetes_manifest", /^react_/)["manifest"]).toMatchObject({ value: { kind: "Deployment" } });
  expect(attributes("helm_release", /^metrics-server/)).toMatchObject({ values: null, timeout: 300 });
});

describe("an adoption, without writing any state,", () => {
  const refused = async (stage: Stage, message: string | RegExp, next?: string) => {
    await expect(stage.run()).rejects.toMatchObject({
      message: expect.stringMatching(message),
      ...(next ? { next: expect.stringContaining(next) } : {}),
    });
    expect(stage.written).toEqual([]);
  };
  const recorded = (overrides: object = {}, more: object = {}) => {
    const stage = stageOf(dir, overrides);
    stage.record = recordOf(stage, more);
    return stage;
  };

  it("refuses an object with one of the project's names but without its label, and names the object", async () => {
    const stage = recorded();
    replace(stage, "service", "node", (o) => [{ ...o, metadata: { ...o.metadata, labels: { team: "x" } } }]);
    await refused(
      stage,
      /do not belong to it: Service iacproject\/node has no label app\.kubernetes\.io\/part-of=iacproject\. Nothing was changed/,
    );
  });
  it("refuses a Helm release or a namespace that the record does not list", async () => {
    const stage = recorded({}, { outside: "namespace monitoring\nrelease monitoring/kube-prometheus-stack" });
    await refused(
      stage,
      "Helm release kube-system/metrics-server is not in the record of this system",
      "metricsServer.mode",
    );
    stage.record = recordOf(stage, { outside: "release kube-system/metrics-server" });
    await refused(stage, "Namespace monitoring is not in the record");
  });
  it("refuses a system with a release that this configuration does not describe, because nothing would remove that release later", async () => {
    const stage = recorded({ metricsServer: { mode: "existing" } });
    const outside = outsideOf("iacproject", stage.stacks);
    stage.record = recordOf(stage, { outside: [...outside, "release kube-system/metrics-server"].join("\n") });
    await refused(stage, "does not describe release kube-system/metrics-server of the system in namespace iacproject");
  });
  it("refuses a release with different values in a namespace that others may use, if there is no record", async () => {
    const stage = recorded();
    stage.record = undefined;
    stage.values["kube-system/metrics-server"] = '{"replicas":1}';
    await refused(stage, "Helm release kube-system/metrics-server has values that differ", "metricsServer.mode");
  });
  it("refuses a system with objects that this configuration does not describe, and names the settings that differ", async () => {
    const stage = recorded({}, { configuration: "redis.durability: ha" });
    stage.objects.push(object("service", "redis-main-1"));
    await refused(stage, "does not describe Service redis-main-1", "redis.durability: ha (here: default)");
  });
  it("refuses to adopt if the states are still where the record says", async () => {
    const there = path.join(dir, "kept");
    fs.mkdirSync(there);
    fs.writeFileSync(path.join(there, "data.tfstate"), "{}");
    const stage = recorded({}, { states: there, deployedBy: `anna@${os.hostname()}` });
    await refused(stage, "are not lost: they are in", `state.dir: ${there}`);
    const settings = "state.backend: kubernetes, state.namespace: default, state.prefix: other";
    stage.record = recordOf(stage, { backend: "kubernetes", states: "Secrets tfstate-default-other-…", settings });
    const state = { metadata: { name: "tfstate-default-other-data", namespace: "default", labels: OURS } };
    stage.objects.push(object("secret", "tfstate-default-other-data", state));
    await refused(stage, "are not lost: they are in Secrets", settings);
  });
  it("refuses to adopt if there is no system", async () => {
    const stage = recorded();
    stage.objects = [];
    await refused(stage, "There is nothing to adopt", "npm run up");
  });
});

it("without a record, a system is adopted if it is the only one in the cluster, or if its values are the same", async () => {
  const stage = stageOf(dir);
  stage.values["monitoring/kube-prometheus-stack"] = '{"grafana":{}}';
  await stage.run();
  expect(inStates(stage)).toHaveLength(addresses(stage).length);
  const second = stageOf(dir);
  second.values["monitoring/kube-prometheus-stack"] = '{"grafana":{}}';
  second.objects.push(object("namespace", "iac-second", { metadata: { name: "iac-second", labels: OURS } }));
  await expect(second.run()).rejects.toThrow("Helm release monitoring/kube-prometheus-stack has values that differ");
});
