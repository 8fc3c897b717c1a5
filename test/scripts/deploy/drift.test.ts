import { Kube } from "../../../scripts/cluster/kubectl";
import { differences, findDrift, repairDrift } from "../../../scripts/deploy/drift";
import type { Terraform } from "../../../scripts/terraform/terraform";
import { testConfig } from "../../helpers/layers";
import { recorder } from "../../helpers/recorder";

describe("drift", () => {
  const manifest = {
    kind: "Deployment",
    metadata: { name: "node", namespace: "n", labels: { a: "b" } },
    spec: { template: { spec: { containers: [{ image: "deployed" }] } }, paused: null },
  };
  const live = (image: string) =>
    JSON.stringify({ ...manifest, spec: { replicas: 5, template: { spec: { containers: [{ image }] } } } });
  const state = {
    stateOf: () => Promise.resolve([{ manifest }, { manifest: { kind: "ServiceMonitor", metadata: {} } }]),
  } as unknown as Terraform;
  it("drift is found by a dry run of the same server-side apply, whatever the replica count is", async () => {
    const { run, commands, inputs } = recorder([
      [/get Deployment\/node -n n/, live("changed")],
      [/apply/, live("deployed")],
    ]);
    const [drift] = await findDrift(new Kube(testConfig(), run), state);
    expect(drift).toMatchObject({ name: "node", paths: ["spec.template.spec.containers.0.image"] });
    expect(commands.at(-1)).toContain(
      "apply --server-side --field-manager=terraform --force-conflicts --dry-run=server",
    );
    expect(inputs[0]).not.toContain("null");
    expect(inputs[0]).not.toContain("replicas");
  });
  it("drift is determined with the StatefulSet's existing claim templates, because no apply can change them", async () => {
    const set = (size: string) => ({
      kind: "StatefulSet",
      metadata: { name: "redis-main", namespace: "n" },
      spec: { volumeClaimTemplates: [{ spec: { resources: { requests: { storage: size } } } }] },
    });
    const old = { stateOf: () => Promise.resolve([{ manifest: set("1Gi") }]) } as unknown as Terraform;
    const { run, inputs } = recorder([[/./, JSON.stringify(set("2Gi"))]]);
    expect(await findDrift(new Kube(testConfig(), run), old)).toEqual([]);
    expect(JSON.parse(inputs[0]!)).toMatchObject({ kind: "List", items: [set("2Gi")] });
  });
  it("is found for several workloads at once, even if one of them does not exist", async () => {
    const named = (name: string, image = "deployed") => ({
      ...manifest,
      metadata: { name, namespace: "n" },
      spec: { template: { spec: { containers: [{ image }] } } },
    });
    const three = {
      stateOf: () => Promise.resolve(["a", "b", "gone"].map((name) => ({ manifest: named(name) }))),
    } as unknown as Terraform;
    const { run, commands } = recorder([
      [/get /, JSON.stringify({ kind: "List", items: [named("a"), named("b", "changed")] })],
      // kubectl prints several objects one after another, or as a list
      [/apply/, `${JSON.stringify(named("a"), null, 4)}\n${JSON.stringify(named("b"), null, 4)}\n`],
    ]);
    expect((await findDrift(new Kube(testConfig(), run), three)).map(({ name }) => name)).toEqual(["b"]);
    expect(commands).toHaveLength(2);
  });
  it("is not found if there is none", async () => {
    const { run } = recorder([[/./, live("deployed")]]);
    expect(await findDrift(new Kube(testConfig(), run), state)).toEqual([]);
  });
  it("is reverted by the actual apply", async () => {
    const { run, commands } = recorder();
    await repairDrift(new Kube(testConfig(), run), [{ kind: "Deployment", name: "node", paths: ["spec"], manifest }]);
    expect(commands).toHaveLength(1);
    expect(commands[0]).not.toContain("dry-run");
  });
  it("drift is reported by the shortest path to each difference", () => {
    expect(differences({ a: 1, b: [{ c: 2 }] }, { a: 1, b: [{ c: 3 }], d: {} })).toEqual(["b.0.c", "d"]);
  });
});
