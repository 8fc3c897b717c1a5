/**
 * Tier `autoscaling`: both engines, switching between them, and losing each component that scaling depends on. Nothing
 * may scale to zero, alerts must fire, and everything must recover by itself.
 *
 * The first of E2E_NODES is stopped and started by the commands in E2E_NODE_STOP and E2E_NODE_START.
 */
import { firing } from "./helpers/alerts";
import { allowLoadToApi, removeLoad, startLoad, type LoadResult } from "./helpers/load";
import { expectAllAnswered, lowestCounts, NODE } from "./helpers/scaling";
import { moveMainTo, nodeCommand, removableNodes } from "./helpers/nodes";
import { removeAfterFailure, step } from "./helpers/steps";
import {
  app,
  command,
  eventually,
  expectAsBefore,
  expectNoDeployment,
  inventory,
  isReady,
  kube,
  monitoring,
  npmRunWith,
  projectPath,
  specReplicas,
} from "./helpers/system";

const common = {
  // no scale-in during the tier: a count that drops after a load is an error
  IAC_SCALING_NODE_SCALE_DOWN_WINDOW_SECONDS: "900",
  // a few hundred requests per second need a few pods, however fast the machine is
  IAC_SCALING_NODE_REQUESTS_PER_POD: "80",
};
const hpa = { ...common, IAC_SCALING_ENGINE: "hpa" };
const keda = { ...common, IAC_SCALING_ENGINE: "keda" };
const AUTOSCALERS = ["node", "react", "redis-exporter", "redis-replicas"];

const [node] = removableNodes;

let before: string[];
let nodeIsDown = false;
afterAll(() => {
  if (nodeIsDown) nodeCommand("START", node!);
});
afterAll(removeLoad);
// last, because removing the deployment requires the node to be running again
removeAfterFailure(keda);

const count = () => specReplicas("deploy", "node");
const pods = () => kube.list("pods", "-n", app, "-l", "app.kubernetes.io/name=node");
const scale = (namespace: string, name: string, replicas: number) =>
  kube.raw(["-n", namespace, "scale", "deploy", name, `--replicas=${replicas}`]);
const moreThan = (than: number, seconds: number) =>
  eventually(`more than ${than} API pods`, seconds, async () => {
    const now = await count();
    if (now > than) return now;
    throw new Error(`${now}; ${JSON.stringify((await kube.get("hpa", "node", app))?.status)}`);
  });

/** Scales to the minimum at once, because the long scale-in window would delay it. */
async function scaleToMinimum(): Promise<void> {
  await scale(app, "node", 2);
  await eventually("two API pods", 90, async () => ((await pods()).length === 2 ? true : undefined));
}

/**
 * Terraform plans a different memory request, the autoscaler scales under load, then Terraform applies its plan: the
 * autoscaler's count must be kept.
 */
async function planScaleApply(env: Readonly<Record<string, string>>, memory: string): Promise<void> {
  await scaleToMinimum();
  const dir = projectPath("cdktf.out", "stacks", "app");
  const changed = { ...env, IAC_NODE_RESOURCES_MEMORY: memory };
  expect((await command("npx", ["tsx", "main.ts"], { env: changed })).code).toBe(0);
  const plan = await command("terraform", ["plan", "-input=false", "-no-color", "-out=race.bin"], { cwd: dir });
  expect(plan.output).toMatch(/1 to change/);
  const planned = await count();
  const load = await startLoad(400, 120, { target: NODE });
  try {
    await moreThan(planned, 90);
    // no change for two sync periods
    const settled = async () => {
      const first = await count();
      await new Promise((resolve) => setTimeout(resolve, 31_000));
      return (await count()) === first ? first : undefined;
    };
    const moved = await eventually("the autoscaler to settle", 80, settled);
    expect(moved).toBeGreaterThan(planned);
    const seen = await lowestCounts(async () => {
      const apply = await command("terraform", ["apply", "-input=false", "-no-color", "race.bin"], { cwd: dir });
      expect(apply.code).toBe(0);
    });
    // a higher count comes from the autoscaler, because new pods warm up; a lower one would be Terraform's
    expect(seen["node"]).toBeGreaterThanOrEqual(moved);
    expectAllAnswered(await load.result());
  } finally {
    await load.remove();
  }
  expect((await npmRunWith(changed, "diff")).code).toBe(0);
  expect((await npmRunWith(env, "up")).code).toBe(0);
}

step("the system is up with engine hpa", async () => {
  // an error, not a skipped test
  if (!node) throw new Error("E2E_NODES must name a node that the test may stop");
  await expectNoDeployment();
  before = await inventory();
  expect((await npmRunWith(hpa, "up")).code).toBe(0);
  // not on the node that this test stops: the tiers faults and ha test the loss of main
  await moveMainTo((await kube.list("nodes")).map((n) => n.metadata.name).filter((n) => n !== node));
  await allowLoadToApi();
});

step(
  "with engine hpa, the autoscaler scales under load between plan and apply, and apply keeps the new replica count",
  async () => {
    await planScaleApply(hpa, "97Mi");
  },
);

step(
  "switching from hpa to keda is an ordinary deployment: names and counts stay the same, and the next diff is empty",
  async () => {
    const counts = await count();
    const seen = await lowestCounts(async () => {
      expect((await npmRunWith(keda, "up")).code).toBe(0);
    });
    expect(seen["node"]).toBeGreaterThanOrEqual(Math.min(counts, 2));
    const now = await kube.list("hpa", "-n", app);
    expect(now.map((h) => h.metadata.name).sort()).toEqual(AUTOSCALERS);
    for (const h of now) {
      const owners = (h.metadata as { ownerReferences?: { kind: string }[] }).ownerReferences;
      expect(owners?.map((o) => o.kind)).toEqual(["ScaledObject"]);
    }
    expect((await npmRunWith(keda, "diff")).code).toBe(0);
    expect((await npmRunWith(keda, "smoke")).code).toBe(0);
    expect((await npmRunWith(keda, "doctor")).code).toBe(0);
  },
);

step("each signal of each autoscaler is read", async () => {
  await eventually("all signals", 90, async () => {
    const { output } = await npmRunWith(keda, "status");
    return /redis-replicas .*load \d/.test(output) && !output.includes("unknown") ? true : undefined;
  });
});

step(
  "with engine keda, the autoscaler scales under load between plan and apply, and apply keeps the new replica count",
  async () => {
    await planScaleApply(keda, "98Mi");
  },
);

step(
  "with KEDA down, CPU still causes scale-out, nothing scales in, and AutoscalerSignalMissing fires; once KEDA is back, all signals are read",
  async () => {
    await scaleToMinimum();
    await scale("keda", "keda-operator", 0);
    await eventually("KEDA's operator to be deleted", 60, async () =>
      (await kube.list("pods", "-n", "keda", "-l", "app=keda-operator")).length ? undefined : true,
    );
    const from = await count();
    // without the operator, KEDA's adapter answers only after 60 s, and the CPU signal waits for it
    const load = await startLoad(900, 200, { target: NODE });
    const seen = await lowestCounts(async () => {
      try {
        await moreThan(from, 190);
        expectAllAnswered(await load.result());
      } finally {
        await load.remove();
      }
      await firing("AutoscalerSignalMissing", 300, { horizontalpodautoscaler: "node" });
    });
    for (const name of AUTOSCALERS) expect(seen[name]).toBeGreaterThanOrEqual(1);
    expect(seen["node"]).toBeGreaterThanOrEqual(from);
    await scale("keda", "keda-operator", 1);
    // KEDA's adapter reconnects with a backoff of up to two minutes
    await eventually("all signals", 240, async () =>
      (await npmRunWith(keda, "status")).output.includes("unknown") ? undefined : true,
    );
  },
);

step(
  "with metrics-server down, the pods' own metrics still cause scale-out, nothing scales in, and AutoscalerSignalMissing fires",
  async () => {
    await scaleToMinimum();
    await scale("kube-system", "metrics-server", 0);
    const from = await count();
    const load = await startLoad(400, 100, { target: NODE });
    const seen = await lowestCounts(async () => {
      try {
        await moreThan(from, 60);
        expectAllAnswered(await load.result());
      } finally {
        await load.remove();
      }
      // an autoscaler whose only signal is CPU is reported as blind
      await firing("AutoscalerSignalMissing", 300, { metric_name: "cpu" });
      await firing("AutoscalerBlind", 300, { horizontalpodautoscaler: "redis-exporter" });
    });
    for (const name of AUTOSCALERS) expect(seen[name]).toBeGreaterThanOrEqual(1);
    expect(seen["node"]).toBeGreaterThanOrEqual(from);
    await scale("kube-system", "metrics-server", 1);
    await eventually("all signals", 180, async () =>
      (await npmRunWith(keda, "status")).output.includes("unknown") ? undefined : true,
    );
  },
);

step("with Prometheus down, scaling continues and the Watchdog alert stops; Prometheus returns by itself", async () => {
  const stack = "kube-prometheus-stack-prometheus";
  const wanted = (replicas: number) =>
    kube.raw([
      "-n",
      monitoring,
      "patch",
      "prometheus",
      stack,
      "--type=merge",
      "-p",
      JSON.stringify({ spec: { replicas } }),
    ]);
  const watchdog = async () => {
    const path = `/api/v1/namespaces/${monitoring}/services/kube-prometheus-stack-alertmanager:9093/proxy/api/v2/alerts?filter=alertname%3D%22Watchdog%22`;
    const alerts = JSON.parse(await kube.raw(["get", "--raw", path])) as { endsAt: string }[];
    return alerts.some((a) => Date.parse(a.endsAt) > Date.now());
  };
  await eventually("the Watchdog", 120, async () => ((await watchdog()) ? true : undefined));
  await scaleToMinimum();
  await wanted(0);
  await eventually("Prometheus to be deleted", 60, async () =>
    (await kube.list("pods", "-n", monitoring, "-l", "app.kubernetes.io/name=prometheus")).length ? undefined : true,
  );
  const load = await startLoad(400, 60, { target: NODE });
  try {
    await moreThan(2, 55);
    expectAllAnswered(await load.result());
  } finally {
    await load.remove();
  }
  await eventually("the Watchdog alert to stop", 420, async () => ((await watchdog()) ? undefined : true));
  await wanted(1);
  await eventually("the Watchdog again", 240, async () => ((await watchdog()) ? true : undefined));
});

step(
  "in a full cluster, new pods stay Pending, the others keep serving, and PodsPending fires; once there is room, the pods start",
  async () => {
    await scaleToMinimum();
    const filler = "e2e-filler";
    const image = (await kube.get("deploy", "node", app))!.spec.template.spec.containers[0].image as string;
    try {
      for (const [name, milli] of await freeCpu()) {
        const pod = {
          apiVersion: "v1",
          kind: "Pod",
          metadata: { name: `${filler}-${name}`, namespace: "default", labels: { app: filler } },
          spec: {
            nodeName: name,
            terminationGracePeriodSeconds: 0,
            containers: [
              {
                name: "filler",
                image,
                command: ["sleep", "3600"],
                // leaves too little for an API pod
                resources: { requests: { cpu: `${Math.max(1, milli - 50)}m` } },
              },
            ],
          },
        };
        await kube.apply(pod);
      }
      const load = await startLoad(300, 90, { target: NODE });
      const seen = await lowestCounts(async () => {
        try {
          await eventually("a Pending pod", 60, async () =>
            (await pods()).some((p) => p.status?.phase === "Pending") ? true : undefined,
          );
          expectAllAnswered(await load.result());
        } finally {
          await load.remove();
        }
        expect((await pods()).filter(isReady).length).toBeGreaterThanOrEqual(2);
        await firing("PodsPending", 420);
      });
      expect(seen["node"]).toBeGreaterThanOrEqual(2);
    } finally {
      await kube.raw(["-n", "default", "delete", "pods", "-l", `app=${filler}`, "--now"], { timeoutMs: 60_000 });
    }
    await eventually("the Pending pods to start", 60, async () => {
      const all = await pods();
      return all.length > 2 && all.every(isReady) ? true : undefined;
    });
  },
);

step(
  "when a node is lost during a scale-out, the others take over, and every pod is Ready again once the node is back",
  async () => {
    await scaleToMinimum();
    const load = await startLoad(300, 150, { target: NODE, notOn: node! });
    let result: LoadResult;
    try {
      await moreThan(2, 60);
      nodeCommand("STOP", node!);
      nodeIsDown = true;
      await eventually("the node to be NotReady", 120, async () =>
        isReady((await kube.get("node", node!))!) ? undefined : true,
      );
      result = await load.result();
    } finally {
      await load.remove();
    }
    const { 404: right = 0, ...wrong } = result.seen;
    console.log(`node lost: ${right} of ${result.sent} answered, ${JSON.stringify(wrong)}, p99 ${result.p99} ms`);
    expect(await count()).toBeGreaterThanOrEqual(2);
    nodeCommand("START", node!);
    nodeIsDown = false;
    await eventually("every API pod to be Ready on a live node", 300, async () => {
      const all = await pods();
      return all.length === (await count()) && all.every(isReady) ? true : undefined;
    });
    expect((await npmRunWith(keda, "smoke")).code).toBe(0);
  },
);

step("switching from keda to hpa is an ordinary deployment too, and removes KEDA completely", async () => {
  const counts = await count();
  const up = await npmRunWith(hpa, "up");
  expect(up.code).toBe(0);
  expect(up.output).toContain("switching from engine keda to hpa: 4 KEDA objects removed");
  expect(await count()).toBeGreaterThanOrEqual(Math.min(counts, 2));
  const now = await kube.list("hpa", "-n", app);
  expect(now.map((h) => h.metadata.name).sort()).toEqual(AUTOSCALERS);
  for (const h of now) expect(h.metadata).not.toHaveProperty("ownerReferences");
  expect(await kube.get("namespace", "keda")).toBeUndefined();
  expect((await kube.list("crd")).filter((c) => c.metadata.name.includes("keda"))).toEqual([]);
  expect((await npmRunWith(hpa, "diff")).code).toBe(0);
});

step("`down` with engine keda removes everything that `up` deployed, and nothing else", async () => {
  expect((await npmRunWith(keda, "up")).code).toBe(0);
  expect((await npmRunWith(keda, "down", "--yes")).code).toBe(0);
  await expectAsBefore(before);
});

/** Unrequested CPU by node, millicores. */
async function freeCpu(): Promise<Map<string, number>> {
  const milli = (q: string | undefined) => (!q ? 0 : q.endsWith("m") ? parseFloat(q) : parseFloat(q) * 1000);
  const all = (await kube.list("pods", "-A")).filter(
    (p) => !["Succeeded", "Failed"].includes(p.status?.phase as string),
  );
  type Container = { resources?: { requests?: { cpu?: string } } };
  const used = (node: string) =>
    all
      .filter((p) => p.spec.nodeName === node)
      .flatMap((p) => p.spec.containers as Container[])
      .reduce((sum, c) => sum + milli(c.resources?.requests?.cpu), 0);
  return new Map(
    (await kube.list("nodes")).map(({ metadata: { name }, status }) => [
      name,
      milli(status?.allocatable?.cpu as string) - used(name),
    ]),
  );
}
