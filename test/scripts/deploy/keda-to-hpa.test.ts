/** A change of engine, and what up and doctor know of KEDA. */
import { freeScaledObjects, leaveKeda } from "../../../scripts/deploy/keda-to-hpa";
import { Kube, type KubeObject } from "../../../scripts/cluster/kubectl";
import { checkKeda } from "../../../scripts/deploy/preflight";
import { missingAutoscalers, ourNamespaces } from "../../../scripts/deploy/readiness";
import { RunError, type Run } from "../../../scripts/terminal/run-program";
import { signals } from "../../../scripts/commands/status";
import { testConfig } from "../../helpers/layers";

const keda = testConfig({ scaling: { engine: "keda" } });
const object = (name: string, more: object = {}) => ({ kind: "X", metadata: { name, ...more } });
const list = (...items: object[]) => JSON.stringify({ kind: "List", items });

/** A cluster that answers by pattern, in turn where there are several answers. */
function cluster(answers: readonly [RegExp, ...(string | RunError)[]][]) {
  const commands: string[] = [];
  const left = answers.map(([pattern, ...all]) => ({ pattern, all }));
  const run: Run = (program, args) => {
    const command = [program, ...args].join(" ");
    commands.push(command);
    const found = left.find((a) => a.pattern.test(command));
    const answer = found ? (found.all.length > 1 ? found.all.shift()! : found.all[0]!) : "";
    return answer instanceof RunError
      ? Promise.reject(answer)
      : Promise.resolve({ code: 0, stdout: answer, stderr: "" });
  };
  return { run, commands };
}

describe("from keda to hpa", () => {
  const config = testConfig();
  it("takes KEDA's objects away while KEDA lives, and waits until its autoscalers are gone", async () => {
    const { run, commands } = cluster([
      [/get scaledobjects/, list(object("node"), object("react"))],
      [/get hpa/, list(object("node"), object("theirs")), list(object("theirs"))],
    ]);
    expect(await leaveKeda(new Kube(config, run))).toBe(2);
    expect(commands.filter((c) => c.includes(" delete "))).toEqual([
      expect.stringMatching(/delete scaledobjects\.keda\.sh -n iacproject -l app\.kubernetes\.io\/part-of=iacproject/),
    ]);
    expect(commands.filter((c) => c.includes("get hpa"))).toHaveLength(2);
  });
  it("forgets their Helm releases, which Helm could not uninstall once the CRD is gone; also after a run that failed there", async () => {
    const { run, commands } = cluster([[/get secrets/, list(object("sh.helm.release.v1.autoscaler-node.v1"))]]);
    expect(await leaveKeda(new Kube(config, run))).toBe(1);
    expect(commands.filter((c) => c.includes(" delete "))).toEqual([
      expect.stringMatching(
        /delete secrets -n iacproject -l owner=helm,name in \(autoscaler-redis-replicas,.*autoscaler-node/,
      ),
    ]);
  });
  it("does nothing where there are none, or the cluster does not know them", async () => {
    const { run, commands } = cluster([]);
    expect(await leaveKeda(new Kube(config, run))).toBe(0);
    const unknown = new RunError("kubectl", 1, `error: the server doesn't have a resource type "scaledobjects"`, "x");
    expect(await leaveKeda(new Kube(config, cluster([[/get/, unknown]]).run))).toBe(0);
    expect(commands.some((c) => c.includes("delete"))).toBe(false);
  });
  it("touches none of them while the engine is keda", async () => {
    const { run, commands } = cluster([[/get/, list(object("node"))]]);
    expect(await leaveKeda(new Kube(keda, run))).toBe(0);
    expect(commands).toEqual([]);
  });
  it("says what holds them where KEDA does not answer", async () => {
    const { run } = cluster([
      [/get scaledobjects/, list(object("node"))],
      [/delete/, new RunError("kubectl", 1, "timed out waiting for the condition", "failed")],
    ]);
    await expect(leaveKeda(new Kube(config, run))).rejects.toMatchObject({
      message: expect.stringContaining("KEDA did not let go of node within 60 s"),
      next: expect.stringContaining("-n keda get pods"),
    });
  });
});

describe("a destroy", () => {
  const held = (name: string) => object(name, { finalizers: ["finalizer.keda.sh"] });
  const operator = (ready: "True" | "False") =>
    list({ ...object("keda-operator-x"), status: { conditions: [{ type: "Ready", status: ready }] } });
  const freed = async (pods: string, objects: string) => {
    const { run, commands } = cluster([
      [/get scaledobjects/, objects],
      [/get pods -n keda -l app=keda-operator/, pods],
    ]);
    return [await freeScaledObjects(new Kube(keda, run)), commands.filter((c) => c.includes(" patch "))] as const;
  };
  it("does not wait for a KEDA that is dead or gone: its finalizers are taken off our objects", async () => {
    for (const pods of [operator("False"), ""]) {
      const [count, patches] = await freed(pods, list(held("node"), object("free")));
      expect(count).toBe(1);
      expect(patches).toEqual([
        expect.stringMatching(/-n iacproject patch scaledobjects\.keda\.sh node .*finalizers":null/),
      ]);
    }
  });
  it("leaves them to a KEDA that runs", async () => {
    expect(await freed(operator("True"), list(held("node")))).toEqual([0, []]);
  });
  it("does nothing where there are none", async () => {
    expect(await freed("", "")).toEqual([0, []]);
  });
});

describe("KEDA in the cluster", () => {
  const owned = (release: string, namespace: string, spec: object = {}) =>
    JSON.stringify({
      ...object("x", {
        annotations: { "meta.helm.sh/release-name": release, "meta.helm.sh/release-namespace": namespace },
      }),
      spec,
    });
  const check = (config: typeof keda, api: string, crd: string) =>
    checkKeda(
      config,
      new Kube(
        config,
        cluster([
          [/get apiservice/, api],
          [/get crd/, crd],
        ]).run,
      ),
    );
  it("is installed where there is none, and found again where it is ours", async () => {
    await expect(check(keda, "", "")).resolves.toBeUndefined();
    await expect(check(keda, owned("keda", "keda"), owned("keda", "keda"))).resolves.toBeUndefined();
  });
  it("of others is not replaced: up stops, with the keys to set", async () => {
    await expect(check(keda, owned("keda", "platform"), owned("keda", "platform"))).rejects.toMatchObject({
      next: expect.stringContaining("keda.mode to existing"),
    });
  });
  it("cannot share the API of external metrics with another adapter", async () => {
    const adapter = owned("adapter", "monitoring", { service: { namespace: "monitoring", name: "adapter" } });
    await expect(check(keda, adapter, "")).rejects.toMatchObject({
      message: expect.stringContaining("monitoring/adapter"),
      next: expect.stringContaining("scaling.engine to hpa"),
    });
  });
  it("that was promised must be there", async () => {
    const existing = testConfig({ scaling: { engine: "keda" }, keda: { mode: "existing" } });
    await expect(check(existing, "", "")).rejects.toThrow(/the cluster has no KEDA \(scaledobjects\.keda\.sh/);
    await expect(check(existing, "", owned("k", "k"))).rejects.toThrow(
      /v1beta1\.external\.metrics\.k8s\.io is missing/,
    );
    await expect(check(existing, owned("k", "k"), owned("k", "k"))).resolves.toBeUndefined();
  });
  it("is not asked for with engine hpa", async () => {
    const config = testConfig();
    const { run, commands } = cluster([]);
    await checkKeda(config, new Kube(config, run));
    expect(commands).toEqual([]);
  });
  it("has a namespace that is waited for and removed, where it is ours", () => {
    expect(ourNamespaces(keda)).toEqual(["iacproject", "monitoring", "keda"]);
    expect(ourNamespaces(testConfig({ scaling: { engine: "keda" }, keda: { mode: "existing" } }))).not.toContain(
      "keda",
    );
    expect(ourNamespaces(testConfig())).not.toContain("keda");
  });
});

it("a deploy is not ready before every autoscaler is there: KEDA makes them after it", () => {
  const hpa = (name: string, namespace = "iacproject") => object(name, { namespace }) as unknown as KubeObject;
  expect(missingAutoscalers(keda, [hpa("node"), hpa("redis-replicas"), hpa("react", "elsewhere")])).toEqual([
    "redis-exporter",
    "react",
  ]);
});

it("status shows each signal beside its target, and one that cannot be read", () => {
  const external = (name: string, target: object, current?: object) => ({
    spec: { type: "External", external: { metric: { name }, target } },
    ...(current ? { status: { type: "External", external: { metric: { name }, current } } } : {}),
  });
  const metrics = [
    external("composite-metric", { type: "Value", value: "1" }, { value: "1235m" }),
    external("of-somebody-else", { type: "Value", value: "700m" }),
    external("s1-rabbitmq", { averageValue: "1500" }, { averageValue: "12" }),
  ];
  const hpa = {
    spec: {
      metrics: [
        {
          type: "ContainerResource",
          containerResource: { name: "cpu", target: { type: "Utilization", averageUtilization: 60 } },
        },
        // KEDA's, of the whole pod
        { type: "Resource", resource: { name: "cpu", target: { type: "Utilization", averageUtilization: 60 } } },
        ...metrics.map((m) => m.spec),
      ],
    },
    status: {
      currentMetrics: [
        { type: "ContainerResource", containerResource: { name: "cpu", current: { averageUtilization: 43 } } },
        { type: "Resource", resource: { name: "cpu", current: { averageUtilization: 12 } } },
        ...metrics.flatMap((m) => ("status" in m ? [m.status] : [])),
      ],
    },
  };
  expect(signals(hpa as unknown as KubeObject)).toEqual([
    "CPU 43 % / 60 %",
    "CPU 12 % / 60 %",
    "load 1.24 / 1",
    "of-somebody-else unknown / 0.7",
    "s1-rabbitmq 12 / 1500",
  ]);
});
