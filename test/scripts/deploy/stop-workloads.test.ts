import { projectLabels } from "../../../catalog/names";
import { Kube } from "../../../scripts/cluster/kubectl";
import { stopWorkloads } from "../../../scripts/deploy/stop-workloads";
import { RunError, type Run } from "../../../scripts/terminal/run-program";
import { testConfig } from "../../helpers/layers";

describe("the pods of a system that is removed", () => {
  /** A cluster whose pods end at the second look after their deletion. */
  const cluster = (
    over: object,
    { answer, foreign }: { answer?: (command: string) => Error | undefined; foreign?: string } = {},
  ) => {
    const commands: string[] = [];
    const left: Record<string, Record<string, number>> = {
      iacproject: { "node-1": 2, "redis-main-0": 2 },
      monitoring: { "operator-1": 2, "prometheus-0": 2 },
    };
    const deleted = new Set<string>();
    const run: Run = (_program, args) => {
      const command = args.slice(args.findIndex((arg) => arg === "-n" || arg === "get")).join(" ");
      commands.push(command);
      const error = answer?.(command);
      if (error) return Promise.reject(error);
      if (!args.includes("get")) {
        if (command.includes("delete pods")) for (const name of args) deleted.add(name);
        return Promise.resolve({ code: 0, stdout: "", stderr: "" });
      }
      if (args.includes("namespace")) {
        const name = args[args.indexOf("namespace") + 1]!;
        const object = { kind: "Namespace", metadata: { name, labels: name === foreign ? {} : projectLabels } };
        return Promise.resolve({ code: 0, stdout: JSON.stringify(object), stderr: "" });
      }
      const pods = left[args[args.indexOf("-n") + 1]!]!;
      for (const name of Object.keys(pods)) if (deleted.has(name) && --pods[name]! === 0) delete pods[name];
      const items = Object.keys(pods).map((name) => ({
        kind: "Pod",
        metadata: { name, ownerReferences: [{ kind: name.endsWith("-0") ? "StatefulSet" : "ReplicaSet", name }] },
        status: { phase: "Running" },
      }));
      return Promise.resolve({ code: 0, stdout: JSON.stringify({ items }), stderr: "" });
    };
    return { commands, stop: () => stopWorkloads(new Kube(testConfig(over), run), () => undefined) };
  };
  const deletions = (commands: readonly string[], namespace: string) =>
    commands
      .filter((c) => c.startsWith(`-n ${namespace} delete `))
      .map((c) =>
        c.replace(`-n ${namespace} delete `, "").replace(/ --timeout=20s| --wait=false| --ignore-not-found/g, ""),
      );

  it("end in all namespaces at once, but the Prometheus operator ends before what it would create again", async () => {
    const { commands, stop } = cluster({});
    expect(await stop()).toBe("4 ended");
    expect(deletions(commands, "iacproject")).toEqual([
      "cronjobs,deployments,statefulsets --all --cascade=orphan",
      "jobs,replicasets --all --cascade=orphan",
      "pods node-1 redis-main-0 --grace-period=5",
      "pvc --all",
    ]);
    expect(deletions(commands, "monitoring")).toEqual([
      "deployments --all --cascade=orphan",
      "replicasets --all --cascade=orphan",
      "pods operator-1 --grace-period=5",
      "statefulsets,daemonsets --all --cascade=orphan",
      "pods prometheus-0 --grace-period=5",
      "pvc --all",
    ]);
    const at = (text: string) => commands.findIndex((c) => c.includes(text));
    const seen = commands.slice(at("delete pods operator-1"), at("delete statefulsets,daemonsets"));
    expect(seen.filter((c) => c.includes("get pods -n monitoring"))).toHaveLength(2);
  });
  it("are only ours in a namespace that existed before, and never those of an existing Prometheus", async () => {
    for (const over of [
      { namespaces: { create: false } },
      { namespaces: { create: false }, observability: "existing" },
    ]) {
      const { commands, stop } = cluster(over);
      expect(await stop()).toBe("2 ended");
      expect(commands.filter((c) => c.includes("monitoring"))).toEqual([]);
      expect(deletions(commands, "iacproject")).toEqual([
        "cronjobs,deployments,statefulsets -l app.kubernetes.io/part-of=iacproject --cascade=orphan",
        "jobs,replicasets -l app.kubernetes.io/part-of=iacproject --cascade=orphan",
        "pods node-1 redis-main-0 --grace-period=5",
      ]);
      for (const command of commands.filter((c) => c.startsWith("get")))
        expect(command).toContain("-l app.kubernetes.io/part-of=iacproject");
    }
  });
  it("do not include those of a namespace that is not ours, although the configuration names it", async () => {
    const { commands, stop } = cluster({}, { foreign: "monitoring" });
    expect(await stop()).toBe("2 ended");
    expect(deletions(commands, "monitoring")).toEqual([]);
    expect(deletions(commands, "iacproject")).not.toEqual([]);
  });
  it("are left to Terraform if a command fails", async () => {
    const { stop } = cluster(
      {},
      {
        answer: (c) =>
          c.includes("delete") ? new RunError("kubectl", 1, "forbidden", "kubectl is forbidden") : undefined,
      },
    );
    expect(await stop()).toBe("left to Terraform: kubectl is forbidden");
  });
});
