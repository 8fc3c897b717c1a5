import type { KubeObject } from "../../../scripts/cluster/kubectl";
import { SCALER_VIEW } from "../../../catalog/names";
import { fastSignals, lostPods, signals } from "../../../scripts/commands/status";

it("status shows each signal with its target, and a signal that cannot be read as unknown", () => {
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
        // KEDA's CPU trigger, for the whole pod
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

it("status names StatefulSet pods whose node has stopped reporting, but not pods that are merely not Ready", () => {
  const pod = (name: string, owner: string, ready: "True" | "False", container: boolean) => ({
    metadata: { name, ownerReferences: [{ kind: owner, name: "any" }] },
    spec: { nodeName: `node-of-${name}` },
    status: { conditions: [{ type: "Ready", status: ready }], containerStatuses: [{ name: "c", ready: container }] },
  });
  const pods = [
    pod("lost", "StatefulSet", "False", true),
    pod("starting", "StatefulSet", "False", false),
    pod("well", "StatefulSet", "True", true),
    pod("replaced", "ReplicaSet", "False", true),
    { metadata: { name: "pending", ownerReferences: [{ kind: "StatefulSet", name: "any" }] }, status: {} },
  ];
  expect(lostPods(pods as unknown as KubeObject[])).toEqual([{ pod: "lost", node: "node-of-lost" }]);
});

describe("status with the fast scaler", () => {
  const now = Date.parse("2026-01-01T00:00:00Z");
  const lease = (spec: object, view: object) =>
    ({
      metadata: { name: "scaler", annotations: { [SCALER_VIEW]: JSON.stringify(view) } },
      spec,
    }) as unknown as KubeObject;
  const leader = { holderIdentity: "scaler-1", renewTime: "2025-12-31T23:59:59.000000Z" };

  it("shows how many pods the load requires, and why scaling is held back", () => {
    const view = { node: { pods: 5 }, react: { pods: 2, held: "flapping" } };
    expect(fastSignals(lease(leader, view), now)).toEqual({
      node: "load requires 5 pods",
      react: "load requires 2 pods (held: flapping)",
    });
  });
  it("shows how many of them are spare", () => {
    expect(fastSignals(lease(leader, { node: { pods: 5, spare: 2 } }), now)).toEqual({
      node: "load requires 5 pods (2 spare)",
    });
  });
  it.each([
    ["gave up its Lease", { ...leader, holderIdentity: "" }],
    ["has not renewed its Lease for a while", { ...leader, renewTime: "2025-12-31T23:59:00.000000Z" }],
  ])("shows the load as unknown if the leader %s", (_, spec) => {
    expect(fastSignals(lease(spec, { node: { pods: 5 } }), now)).toEqual({
      node: "load unknown: the fast scaler has no leader",
    });
  });
  it("shows nothing before a scaler has run", () => {
    expect(fastSignals(undefined, now)).toEqual({});
  });
  it.each(["{", "null"])("shows nothing if the annotation is %s", (text) => {
    const damaged = { metadata: { name: "scaler", annotations: { [SCALER_VIEW]: text } } } as unknown as KubeObject;
    expect(fastSignals(damaged, now)).toEqual({});
  });
});
