import { projectLabels } from "../../../catalog/names";
import { AUTOSCALED } from "../../../catalog/workloads";
import { Kube, type KubeObject } from "../../../scripts/cluster/kubectl";
import {
  creationTrouble,
  missingAutoscalers,
  ourNamespaces,
  podTrouble,
  readyPods,
  waitReady,
  wantedPods,
} from "../../../scripts/deploy/readiness";
import { RunError, type Run } from "../../../scripts/terminal/run-program";
import { testConfig } from "../../helpers/layers";

describe("waiting until everything is Ready", () => {
  const workload = (status: object, generation = 2): KubeObject =>
    ({
      kind: "Deployment",
      metadata: { name: "node", namespace: "n", generation },
      spec: { replicas: 1 },
      status,
    }) as unknown as KubeObject;
  it("waits for the autoscaler's minimum, even before the autoscaler has acted", () => {
    const hpa = {
      kind: "HorizontalPodAutoscaler",
      metadata: { name: "node", namespace: "n" },
      spec: { minReplicas: 2, scaleTargetRef: { kind: "Deployment", name: "node" } },
    };
    expect(wantedPods(workload({}), [hpa as unknown as KubeObject])).toBe(2);
    expect(wantedPods(workload({}), [])).toBe(1);
  });
  it("counts only pods of the newest revision, once the controller has observed it", () => {
    expect(readyPods(workload({ observedGeneration: 1, readyReplicas: 2, updatedReplicas: 2 }))).toBe(0);
    expect(readyPods(workload({ observedGeneration: 2, readyReplicas: 2, updatedReplicas: 1 }))).toBe(1);
    expect(readyPods(workload({ observedGeneration: 2, replicas: 3, readyReplicas: 2, updatedReplicas: 2 }))).toBe(1);
    expect(readyPods(workload({ observedGeneration: 2, replicas: 2, readyReplicas: 2, updatedReplicas: 2 }))).toBe(2);
  });
  it("reports the pod, the image and the reason for a failed image pull", () => {
    const pod = {
      kind: "Pod",
      metadata: { name: "node-1" },
      status: {
        containerStatuses: [
          { image: "x:1", state: { waiting: { reason: "ImagePullBackOff", message: 'Back-off pulling image "x:1"' } } },
        ],
      },
    };
    expect(podTrouble(pod as unknown as KubeObject)?.text).toBe(
      'node-1: ImagePullBackOff: Back-off pulling image "x:1"',
    );
  });
  it("reports why a pod is not scheduled", () => {
    const pod = {
      kind: "Pod",
      metadata: { name: "node-1" },
      status: { conditions: [{ type: "PodScheduled", status: "False", message: "Insufficient cpu" }] },
    };
    expect(podTrouble(pod as unknown as KubeObject)?.text).toBe("node-1: not scheduled: Insufficient cpu");
  });
  it("keeps waiting if the cluster briefly does not answer", async () => {
    const chosen = testConfig({ observability: "none", metricsServer: { mode: "existing" } });
    const ready = { observedGeneration: 2, replicas: 1, readyReplicas: 1, updatedReplicas: 1 };
    const hpas = AUTOSCALED.map((name) => ({
      kind: "HorizontalPodAutoscaler",
      metadata: { name, namespace: chosen.namespaces.app },
      spec: { minReplicas: 1, scaleTargetRef: { kind: "Deployment", name } },
    }));
    let calls = 0;
    const run: Run = () =>
      calls++ === 0
        ? Promise.reject(new RunError("kubectl", 1, "connection refused", "kubectl failed"))
        : Promise.resolve({ code: 0, stdout: JSON.stringify({ items: [workload(ready), ...hpas] }), stderr: "" });
    const progress: string[] = [];
    await expect(
      waitReady(new Kube(chosen, run), { timeoutMs: 10_000, onProgress: (text) => progress.push(text) }),
    ).resolves.toBe(1);
    expect(progress).toEqual(["the cluster to answer"]);
  });
  it("does not wait for workloads of others in a namespace that existed before", async () => {
    const chosen = testConfig({
      namespaces: { create: false },
      observability: "none",
      metricsServer: { mode: "existing" },
    });
    const namespace = chosen.namespaces.app;
    const ready = { observedGeneration: 2, replicas: 1, readyReplicas: 1, updatedReplicas: 1 };
    const ours = { ...workload(ready), metadata: { name: "node", namespace, generation: 2, labels: projectLabels } };
    const theirs = { ...workload({}), metadata: { name: "theirs", namespace, generation: 2 } };
    const hpas = AUTOSCALED.map((name) => ({
      kind: "HorizontalPodAutoscaler",
      metadata: { name, namespace },
      spec: { minReplicas: 1, scaleTargetRef: { kind: "Deployment", name } },
    }));
    const run: Run = () =>
      Promise.resolve({ code: 0, stdout: JSON.stringify({ items: [ours, theirs, ...hpas] }), stderr: "" });
    await expect(waitReady(new Kube(chosen, run), { timeoutMs: 1000 })).resolves.toBe(1);
  });
  it("reports why pods cannot be created", () => {
    const deployment = (status: string) => ({
      kind: "Deployment",
      metadata: { name: "node" },
      status: { conditions: [{ type: "ReplicaFailure", status, message: 'serviceaccount "node" not found' }] },
    });
    expect(creationTrouble(deployment("True") as unknown as KubeObject)).toBe(
      'node: pods cannot be created: serviceaccount "node" not found',
    );
    expect(creationTrouble(deployment("False") as unknown as KubeObject)).toBeUndefined();
  });
});

describe("with KEDA", () => {
  const keda = testConfig({ scaling: { engine: "keda" } });
  it("treats KEDA's namespace as the project's own if the project deploys KEDA", () => {
    expect(ourNamespaces(keda)).toEqual(["iacproject", "monitoring", "keda"]);
    expect(ourNamespaces(testConfig({ scaling: { engine: "keda" }, keda: { mode: "existing" } }))).not.toContain(
      "keda",
    );
    expect(ourNamespaces(testConfig())).not.toContain("keda");
  });
  it("waits for every autoscaler, because KEDA creates them after the deployment", () => {
    const hpa = (name: string, namespace = "iacproject") =>
      ({ kind: "X", metadata: { name, namespace } }) as unknown as KubeObject;
    expect(missingAutoscalers(keda, [hpa("node"), hpa("redis-replicas"), hpa("react", "elsewhere")])).toEqual([
      "redis-exporter",
      "react",
    ]);
  });
});
