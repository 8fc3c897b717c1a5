import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { Kube } from "../../../scripts/cluster/kubectl";
import { checkStateIsHere } from "../../../scripts/terraform/backend-change";
import { recordCluster } from "../../../scripts/terraform/state-cluster";
import { RunError, type Run } from "../../../scripts/terminal/run-program";
import { testConfig } from "../../helpers/layers";

interface Cluster {
  context: string;
  server: string;
  uids: Record<string, string>;
}
const FIRST = { context: "kind-a", server: "https://127.0.0.1:4001", uids: { "kube-system": "1", team: "11" } };
const OTHER = { context: "kind-b", server: "https://127.0.0.1:4002", uids: { "kube-system": "2", team: "22" } };

describe("states in files", () => {
  let dir: string;
  beforeEach(() => {
    dir = fs.mkdtempSync(path.join(os.tmpdir(), "iacproject-state-cluster-"));
  });
  afterEach(() => fs.rmSync(dir, { recursive: true }));
  /** A cluster whose user may read the namespaces in `uids` only. */
  const on = ({ context, server, uids }: Cluster, over: object = {}): Kube => {
    const run: Run = (_program, args) => {
      if (args.includes("view")) {
        const view = { "current-context": context, clusters: [{ cluster: { server } }] };
        return Promise.resolve({ code: 0, stdout: JSON.stringify(view), stderr: "" });
      }
      if (!args.includes("namespace")) return Promise.resolve({ code: 0, stdout: "", stderr: "" });
      const name = args[args.indexOf("namespace") + 1]!;
      if (uids[name] === undefined) return Promise.reject(new RunError("kubectl", 1, "forbidden", "forbidden"));
      const object = { apiVersion: "v1", kind: "Namespace", metadata: { name, uid: uids[name] } };
      return Promise.resolve({ code: 0, stdout: JSON.stringify(object), stderr: "" });
    };
    return new Kube(testConfig({ state: { dir }, ...over }), run);
  };
  const deploy = async (kube: Kube) => {
    await checkStateIsHere(kube);
    await recordCluster(kube);
    const namespace = kube.config.namespaces.app;
    const state = { resources: [{}], outputs: { namespace: { value: namespace } } };
    fs.writeFileSync(path.join(dir, "data.tfstate"), JSON.stringify(state));
  };

  it("are not used on another cluster; the error names both clusters, and what to do", async () => {
    await deploy(on(FIRST));
    await expect(checkStateIsHere(on(OTHER))).rejects.toMatchObject({
      message: expect.stringMatching(
        /kind-a at https:\/\/127.0.0.1:4001.* kind-b at https:\/\/127.0.0.1:4002.*Nothing was changed/,
      ),
      next: expect.stringContaining("IAC_STATE_DIR=.state-kind-b"),
    });
    // clusters of the same name on different machines
    await expect(
      checkStateIsHere(on({ ...OTHER, context: "kind-a", server: "https://k3s.example:6443" })),
    ).rejects.toThrow();
  });
  it("are not used on another cluster by a user who may read a single namespace", async () => {
    const team = { namespaces: { create: false, app: "team" } };
    const limited = ({ uids, ...rest }: Cluster) => ({ ...rest, uids: { team: uids["team"]! } });
    await deploy(on(limited(FIRST), team));
    await checkStateIsHere(on(limited(FIRST), team));
    await expect(checkStateIsHere(on(limited(OTHER), team))).rejects.toThrow("another cluster");
  });
  it("are used if the cluster has another context or address, or was created again under the same name", async () => {
    await deploy(on(FIRST));
    await deploy(on({ ...FIRST, context: "renamed", server: "https://proxy.example" }));
    await deploy(on(FIRST));
    await deploy(on({ ...FIRST, server: "https://127.0.0.1:5005", uids: { "kube-system": "3" } }));
  });
  it("are used if they are empty, if their cluster was not recorded, or if this user may not identify it", async () => {
    await deploy(on(FIRST));
    await checkStateIsHere(on({ ...OTHER, uids: {} }));
    fs.writeFileSync(path.join(dir, "cluster.json"), "{");
    await checkStateIsHere(on(OTHER));
    await deploy(on(FIRST));
    fs.writeFileSync(path.join(dir, "data.tfstate"), JSON.stringify({ resources: [] }));
    await checkStateIsHere(on(OTHER));
  });
  it("are used by the same user with another namespace: the UIDs of two namespaces are not compared", async () => {
    await deploy(on(FIRST));
    fs.writeFileSync(path.join(dir, "data.tfstate"), JSON.stringify({ resources: [{}] }));
    const moved = { ...FIRST, context: "moved", server: "https://proxy.example" };
    await checkStateIsHere(on(moved, { namespaces: { create: false, app: "team" } }));
  });
  it("stay recognised after a deployment by a user who may not identify the cluster", async () => {
    await deploy(on(FIRST));
    await deploy(on({ ...FIRST, uids: {} }));
    await expect(checkStateIsHere(on(OTHER))).rejects.toThrow("another cluster");
  });
  it("are not taken for those of an earlier cluster after such a user has deployed elsewhere", async () => {
    await deploy(on(FIRST));
    fs.writeFileSync(path.join(dir, "data.tfstate"), JSON.stringify({ resources: [] }));
    const elsewhere = { ...OTHER, server: "https://elsewhere.example" };
    await deploy(on({ ...elsewhere, uids: {} }));
    await checkStateIsHere(on(elsewhere));
  });
});
