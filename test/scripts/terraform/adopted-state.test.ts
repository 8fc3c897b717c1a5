/** Writes states for a system whose states are lost. */
import {
  completeManifest,
  completeRelease,
  completeTyped,
  merged,
  secretResource,
  typeOf,
  type StateFile,
} from "../../../scripts/terraform/adopted-state";
import type { KubeObject } from "../../../scripts/cluster/kube-object";

const LABELS = { "app.kubernetes.io/part-of": "iacproject", "iacproject/service": "node" };
const object = (more: object = {}): KubeObject =>
  ({
    apiVersion: "v1",
    kind: "Service",
    metadata: { name: "node", namespace: "app", uid: "u-1", resourceVersion: "7", labels: { ...LABELS, cloud: "x" } },
    ...more,
  }) as KubeObject;

it("stores the type next to a value of any type, as Terraform does", () => {
  expect(typeOf({ a: "x", n: 1, b: true, none: null, list: [{ c: 2 }, "y"] })).toEqual([
    "object",
    { a: "string", n: "number", b: "bool", none: "dynamic", list: ["tuple", [["object", { c: "number" }], "string"]] },
  ]);
});

it("gives an imported Service the project's labels, without a cloud's, and the attributes that only the configuration has", () => {
  const imported = {
    id: "app/node",
    metadata: [{ name: "node", labels: {} }],
    timeouts: null,
    wait_for_load_balancer: true,
  };
  const body = { metadata: { name: "node", labels: LABELS }, wait_for_load_balancer: false, wait_for_other: true };
  expect(completeTyped(imported, body, object())).toEqual({
    ...imported,
    metadata: [{ name: "node", labels: LABELS }],
    wait_for_load_balancer: false,
  });
  // a label that the object lacks is also missing from the state, so that the plan adds it
  const bare = object({ metadata: { name: "node", labels: {} } });
  expect(completeTyped(imported, body, bare)["metadata"]).toEqual([{ name: "node", labels: {} }]);
});

it("gives an imported Service the project's annotations: without them, the next apply would also replace a cloud's", () => {
  const imported = { metadata: [{ name: "react", labels: {}, annotations: {} }] };
  const body = { metadata: { name: "react", labels: LABELS, annotations: { "example.com/type": "nlb" } } };
  const annotations = { "example.com/type": "nlb", "cloud.example.com/neg": "{}" };
  const live = object({ metadata: { name: "react", labels: LABELS, annotations } });
  expect(completeTyped(imported, body, live)["metadata"]).toEqual([
    { name: "react", labels: LABELS, annotations: { "example.com/type": "nlb" } },
  ]);
});

it("gives an imported manifest the manifest that was applied", () => {
  const imported = { manifest: { value: null, type: ["object", {}] }, object: { kept: true }, computed_fields: null };
  const manifest = { kind: "Deployment", metadata: { name: "node" } };
  const body = {
    manifest,
    computed_fields: ["spec"],
    field_manager: { name: "terraform" },
    timeouts: { create: "5m" },
  };
  expect(completeManifest(imported, body)).toEqual({
    manifest: { value: manifest, type: ["object", { kind: "string", metadata: ["object", { name: "string" }] }] },
    object: { kept: true },
    computed_fields: ["spec"],
    field_manager: [{ force_conflicts: null, name: "terraform" }],
    timeouts: [{ create: "5m" }],
  });
  expect(completeManifest(imported, { manifest })).toMatchObject({
    computed_fields: null,
    field_manager: [],
    timeouts: [],
  });
});

it("gives an imported Helm release its arguments", () => {
  const imported = {
    name: "a",
    values: null,
    timeout: 300,
    description: "Install complete",
    metadata: { revision: 2 },
  };
  expect(completeRelease(imported, { name: "a", values: ["{}"], timeout: 420, unknown: 1 })).toEqual({
    ...{ name: "a", values: ["{}"], timeout: 420, description: null, metadata: { revision: 2 } },
  });
});

it("stores a Secret without its passwords, at the revision that was written", () => {
  const password = Buffer.from("password").toString("base64");
  const live = object({ kind: "Secret", type: "Opaque", data: { admin: password } });
  const target = { address: "kubernetes_secret_v1.users_1", type: "kubernetes_secret_v1", name: "node" };
  const resource = secretResource(target, { metadata: { labels: LABELS }, data_wo_revision: 1 }, live, "provider");
  expect(JSON.stringify(resource)).not.toContain(password);
  expect(resource).toMatchObject({ type: "kubernetes_secret_v1", name: "users_1", provider: "provider" });
  expect(resource.instances[0]!.attributes).toMatchObject({
    ...{ id: "app/node", data: null, data_wo: null, data_wo_revision: 1, type: "Opaque", immutable: false },
    metadata: [{ name: "node", namespace: "app", uid: "u-1", resource_version: "7", labels: LABELS }],
  });
});

describe("a state", () => {
  const resource = (name: string, id: string) => ({
    ...{ mode: "managed", type: "t", name, provider: "p" },
    instances: [{ schema_version: 0, attributes: { id } }],
  });
  const added = {
    resources: [resource("a", "new"), resource("b", "new")],
    outputs: { x: { value: 1, type: "number" } },
  };
  it("starts a new lineage if it does not exist yet", () => {
    const [one, two] = [merged(undefined, added, "1.11.4"), merged(undefined, added, "1.11.4")];
    expect(one).toMatchObject({ version: 4, terraform_version: "1.11.4", serial: 1, ...added });
    expect(one.lineage).not.toBe(two.lineage);
  });
  it("that already exists keeps its lineage, resources and outputs, and gains only those that are missing", () => {
    const state: StateFile = {
      ...{ version: 4, terraform_version: "1.11.0", serial: 6, lineage: "one" },
      outputs: { x: { value: 0, type: "number" } },
      resources: [resource("a", "old")],
    };
    expect(merged(JSON.stringify(state), added, "1.11.4")).toMatchObject({
      ...{ serial: 7, lineage: "one", outputs: { x: { value: 0 } } },
      resources: [resource("a", "old"), resource("b", "new")],
    });
  });
});
