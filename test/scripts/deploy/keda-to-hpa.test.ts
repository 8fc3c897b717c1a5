/** KEDA's objects when the engine is switched from keda to hpa, and during a destroy. */
import { freeScaledObjects, migrateToHpa } from "../../../scripts/deploy/keda-to-hpa";
import { Kube } from "../../../scripts/cluster/kubectl";
import { RunError } from "../../../scripts/terminal/run-program";
import { testConfig } from "../../helpers/layers";
import { recorder } from "../../helpers/recorder";

const keda = testConfig({ scaling: { engine: "keda" } });
const object = (name: string, more: object = {}) => ({ kind: "X", metadata: { name, ...more } });
const list = (...items: object[]) => JSON.stringify({ kind: "List", items });

describe("a switch from keda to hpa", () => {
  const config = testConfig();
  it("removes KEDA's objects while KEDA is running, and waits until its autoscalers are deleted", async () => {
    const { run, commands } = recorder([
      [/get scaledobjects/, list(object("node"), object("react"))],
      [/get hpa/, list(object("node"), object("other")), list(object("other"))],
    ]);
    expect(await migrateToHpa(new Kube(config, run))).toBe(2);
    expect(commands.filter((c) => c.includes(" delete "))).toEqual([
      expect.stringMatching(/delete scaledobjects\.keda\.sh -n iacproject -l app\.kubernetes\.io\/part-of=iacproject/),
    ]);
    expect(commands.filter((c) => c.includes("get hpa"))).toHaveLength(2);
  });
  it("deletes the Helm releases of KEDA's objects, which Helm could not uninstall without the CRD, even after a run that failed at this point", async () => {
    const { run, commands } = recorder([[/get secrets/, list(object("sh.helm.release.v1.autoscaler-node.v1"))]]);
    expect(await migrateToHpa(new Kube(config, run))).toBe(1);
    expect(commands.filter((c) => c.includes(" delete "))).toEqual([
      expect.stringMatching(
        /delete secrets -n iacproject -l owner=helm,name in \(autoscaler-redis-replicas,.*autoscaler-node/,
      ),
    ]);
  });
  it("does nothing if there are no KEDA objects, or their kind does not exist in the cluster", async () => {
    const { run, commands } = recorder();
    expect(await migrateToHpa(new Kube(config, run))).toBe(0);
    const unknown = new RunError("kubectl", 1, `error: the server doesn't have a resource type "scaledobjects"`, "x");
    expect(await migrateToHpa(new Kube(config, recorder([[/get/, unknown]]).run))).toBe(0);
    expect(commands.some((c) => c.includes("delete"))).toBe(false);
  });
  it("does not change KEDA's objects while the engine is keda", async () => {
    const { run, commands } = recorder([[/get/, list(object("node"))]]);
    expect(await migrateToHpa(new Kube(keda, run))).toBe(0);
    expect(commands).toEqual([]);
  });
  it("reports what blocks the deletion of KEDA's objects if KEDA does not answer", async () => {
    const { run } = recorder([
      [/get scaledobjects/, list(object("node"))],
      [/delete/, new RunError("kubectl", 1, "timed out waiting for the condition", "failed")],
    ]);
    await expect(migrateToHpa(new Kube(config, run))).rejects.toMatchObject({
      message: expect.stringContaining("KEDA did not release node within 60 s"),
      next: expect.stringContaining("-n keda get pods"),
    });
  });
});

describe("a destroy", () => {
  const held = (name: string) => object(name, { finalizers: ["finalizer.keda.sh"] });
  const operator = (ready: "True" | "False") =>
    list({ ...object("keda-operator-x"), status: { conditions: [{ type: "Ready", status: ready }] } });
  const freed = async (pods: string, objects: string) => {
    const { run, commands } = recorder([
      [/get scaledobjects/, objects],
      [/get pods -n keda -l app=keda-operator/, pods],
    ]);
    return [await freeScaledObjects(new Kube(keda, run)), commands.filter((c) => c.includes(" patch "))] as const;
  };
  it("does not wait for KEDA if it is down or deleted, but removes its finalizers from the project's objects", async () => {
    for (const pods of [operator("False"), ""]) {
      const [count, patches] = await freed(pods, list(held("node"), object("free")));
      expect(count).toBe(1);
      expect(patches).toEqual([
        expect.stringMatching(/-n iacproject patch scaledobjects\.keda\.sh node .*finalizers":null/),
      ]);
    }
  });
  it("leaves KEDA's objects to a running KEDA", async () => {
    expect(await freed(operator("True"), list(held("node")))).toEqual([0, []]);
  });
  it("does nothing if there are no KEDA objects", async () => {
    expect(await freed("", "")).toEqual([0, []]);
  });
});
