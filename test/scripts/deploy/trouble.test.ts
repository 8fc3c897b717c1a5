import { Kube, type KubeObject } from "../../../scripts/cluster/kubectl";
import { waitReady } from "../../../scripts/deploy/readiness";
import { crashing, refusal, restartsOf, TroubleReport } from "../../../scripts/deploy/trouble";
import { RunError, type Run } from "../../../scripts/terminal/run-program";
import { testConfig } from "../../helpers/layers";

const QUOTA =
  'create Pod redis-main-0 in StatefulSet redis-main failed error: pods "redis-main-0" is forbidden: exceeded quota: team, requested: limits.memory=768Mi, used: limits.memory=0, limited: limits.memory=512Mi';

const set = (kind: string, name: string, wanted: number, replicas: number) => ({
  kind,
  metadata: { name, namespace: "iacproject", generation: 1 },
  spec: { replicas: wanted },
  status: { replicas, observedGeneration: 1 },
});
const event = (kind: string, name: string, reason: string, at: string, message = reason) => ({
  kind: "Event",
  metadata: { name: `${name}.${at}` },
  involvedObject: { kind, name },
  ...{ reason, message, lastTimestamp: `2026-11-26T10:${at}Z` },
});
const pod = (status: object, name = "node-6f9c7-x2x4z") => ({
  kind: "Pod",
  metadata: { name, namespace: "iacproject", uid: name },
  status: {
    conditions: [{ type: "Ready", status: "False", message: "containers with unready status: [node]" }],
    containerStatuses: [{ name: "node", image: "x:1", ready: false, restartCount: 0, ...status }],
  },
});
const objects = (...list: object[]) => list as unknown as KubeObject[];
const one = (o: object) => o as unknown as KubeObject;

/** A cluster with the given objects; `log` is the log of its crashed containers. */
function clusterOf(items: () => object[], log = ""): Kube {
  const run: Run = (_program, args) => {
    if (args.includes("logs"))
      return args.includes("--previous") && !log
        ? Promise.reject(new RunError("kubectl", 1, "previous terminated container not found", "failed"))
        : Promise.resolve({ code: 0, stdout: log, stderr: "" });
    const kinds = args[args.indexOf("get") + 1]!.split(",");
    const isAsked = (o: object) => kinds.includes(`${(o as { kind: string }).kind.toLowerCase()}s`);
    return Promise.resolve({ code: 0, stdout: JSON.stringify({ items: items().filter(isAsked) }), stderr: "" });
  };
  const config = testConfig({ observability: "none", metricsServer: { mode: "existing" } });
  return new Kube(config, run);
}

describe("a workload whose pods or claims are rejected", () => {
  const refused = event("StatefulSet", "redis-main", "FailedCreate", "00:10", QUOTA);
  it("a rejection is reported with the message of its event", () => {
    const text = refusal(one(set("StatefulSet", "redis-main", 1, 0)), objects(refused));
    expect(text).toBe(`redis-main: pods cannot be created: ${QUOTA}`);
    const rs = event("ReplicaSet", "node-6f9c7", "FailedCreate", "00:10", "exceeded quota");
    expect(refusal(one(set("ReplicaSet", "node-6f9c7", 2, 0)), objects(rs))).toContain("exceeded quota");
  });
  it("a rejection is not reported once a pod has been created, for an object of another kind, or if no pod is missing", () => {
    const later = event("StatefulSet", "redis-main", "SuccessfulCreate", "00:20");
    expect(refusal(one(set("StatefulSet", "redis-main", 3, 1)), objects(refused, later))).toBeUndefined();
    expect(refusal(one(set("ReplicaSet", "redis-main", 1, 0)), objects(refused))).toBeUndefined();
    expect(refusal(one(set("StatefulSet", "redis-main", 1, 1)), objects(refused))).toBeUndefined();
  });
  it("a rejection is reported at once and only once, with its newest event", async () => {
    const reported: string[] = [];
    const report = new TroubleReport(
      clusterOf(() => [
        set("StatefulSet", "redis-main", 1, 0),
        event("StatefulSet", "redis-main", "FailedCreate", "00:05", "an older reason"),
        refused,
      ]),
      ["iacproject"],
      (text) => reported.push(text),
    );
    await report.look();
    await report.look();
    expect(reported).toEqual([`redis-main: pods cannot be created: ${QUOTA}`]);
  });
});

describe("a crash loop", () => {
  const backOff = { restartCount: 1, state: { waiting: { reason: "CrashLoopBackOff" } } };
  it("a crash loop is detected even while the container is running, if it has restarted since the run began", () => {
    const running = { restartCount: 2, state: { running: {} } };
    expect(crashing(one(pod(backOff)))).toBe("node");
    expect(crashing(one(pod(running)))).toBe("node");
    expect(crashing(one(pod({ restartCount: 1, state: { running: {} } })))).toBeUndefined();
    expect(crashing(one(pod(running)), restartsOf(objects(pod(running))))).toBeUndefined();
    expect(crashing(one(pod({ ...running, ready: true })))).toBeUndefined();
  });
  it("a crash loop is reported once per workload, with the end of the last container's log", async () => {
    const reported: string[] = [];
    const lastState = { terminated: { exitCode: 1, reason: "Error" } };
    const report = new TroubleReport(
      clusterOf(
        () => [pod({ ...backOff, lastState }), pod(backOff, "node-6f9c7-aaaaa")],
        "reading /run/secrets\nError: no password\n",
      ),
      ["iacproject"],
      (text) => reported.push(text),
    );
    await report.look();
    await report.look();
    expect(reported).toEqual([
      "node-6f9c7-x2x4z: container node keeps crashing, 1 restarts, last with exit code 1 (Error); the end of its log:" +
        "\n    reading /run/secrets\n    Error: no password",
    ]);
  });
  it("a crash loop ends the wait after 60 s, with the end of the log, even though the container runs between crashes", async () => {
    jest.useFakeTimers({ doNotFake: ["nextTick", "setImmediate"] });
    let polls = 0;
    const kube = clusterOf(() => {
      polls++;
      return [
        set("Deployment", "node", 1, 1),
        polls % 4 === 0 ? pod(backOff) : pod({ restartCount: 1, state: { running: {} } }),
      ];
    }, "Error: no password");
    const begin = Date.now();
    const waiting = waitReady(kube, { timeoutMs: 300_000 }).then(
      () => undefined,
      (error: Error) => error.message,
    );
    let message: string | undefined;
    void waiting.then((text) => (message = text));
    while (message === undefined && Date.now() - begin < 300_000) await jest.advanceTimersByTimeAsync(1000);
    jest.useRealTimers();
    expect(message).toMatch(/node-6f9c7-x2x4z: container node keeps crashing.*\n {4}Error: no password/);
  });
});

it("a pod that does not fit on any node is reported once it has waited for a while", async () => {
  const conditions = [{ type: "PodScheduled", status: "False", message: "0/3 nodes are available: Insufficient cpu." }];
  const pending = { kind: "Pod", metadata: { name: "node-6f9c7-x2x4z" }, status: { conditions } };
  const reported: string[] = [];
  const report = new TroubleReport(
    clusterOf(() => [pending]),
    ["iacproject"],
    (text) => reported.push(text),
  );
  await report.look(0);
  expect(reported).toEqual([]);
  await report.look(60_000);
  expect(reported).toEqual(["node-6f9c7-x2x4z: not scheduled: 0/3 nodes are available: Insufficient cpu."]);
});

it("the progress of a wait shows what is missing, and why", async () => {
  const kube = clusterOf(() => [
    set("StatefulSet", "redis-main", 1, 0),
    event("StatefulSet", "redis-main", "FailedCreate", "00:10", QUOTA),
  ]);
  const progress: string[] = [];
  await expect(waitReady(kube, { timeoutMs: -1, onProgress: (text) => progress.push(text) })).rejects.toThrow(QUOTA);
  expect(progress[0]).toContain(`redis-main 0/1`);
  expect(progress[0]).toContain(QUOTA);
});
