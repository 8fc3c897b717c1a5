import { Kube } from "../../../scripts/cluster/kubectl";
import { stopWorkloads } from "../../../scripts/deploy/stop-workloads";
import { RunError, type Run } from "../../../scripts/terminal/run-program";
import { testConfig } from "../../helpers/layers";

describe("the pods of a system that is removed", () => {
  /** A cluster in which each pod ends at the second poll after its workloads were deleted. */
  const cluster = (over: object, answer?: (command: string) => Error | undefined) => {
    const commands: string[] = [];
    const polls: Record<string, number> = {};
    const run: Run = (_program, args) => {
      const command = args.join(" ");
      commands.push(command);
      const error = answer?.(command);
      if (error) return Promise.reject(error);
      const namespace = args[args.indexOf("-n") + 1]!;
      const isDeleted = commands.some((c) => c.includes("delete") && c.includes(`-n ${namespace}`));
      if (isDeleted) polls[namespace] = (polls[namespace] ?? 0) + 1;
      const items =
        command.includes(" pods") && (polls[namespace] ?? 0) < 3
          ? [{ kind: "Pod", metadata: { name: "a" }, status: { phase: "Running" } }]
          : [];
      return Promise.resolve({ code: 0, stdout: JSON.stringify({ items }), stderr: "" });
    };
    return { commands, stop: () => stopWorkloads(new Kube(testConfig(over), run), () => undefined) };
  };
  const deletions = (commands: readonly string[]) => commands.filter((c) => c.includes("delete"));

  it("end in all namespaces at once, but the Prometheus operator ends before what it would create again", async () => {
    const { commands, stop } = cluster({});
    expect(await stop()).toBe("2 ended");
    expect(deletions(commands)).toEqual([
      expect.stringMatching(/-n iacproject delete cronjobs,deployments,statefulsets --all .*--wait=false/),
      expect.stringMatching(/-n monitoring delete deployments --all .*--timeout=30s/),
      expect.stringMatching(/-n monitoring delete statefulsets,daemonsets --all/),
    ]);
  });
  it("are only ours in a namespace that existed before, and never those of an existing Prometheus", async () => {
    for (const over of [
      { namespaces: { create: false } },
      { namespaces: { create: false }, observability: "existing" },
    ]) {
      const { commands, stop } = cluster(over);
      expect(await stop()).toBe("1 ended");
      expect(commands.filter((c) => c.includes("monitoring"))).toEqual([]);
      for (const command of deletions(commands)) {
        expect(command).toContain("-l app.kubernetes.io/part-of=iacproject");
        expect(command).not.toContain("--all");
      }
    }
  });
  it("are left to Terraform if a command fails", async () => {
    const { stop } = cluster({}, (c) =>
      c.includes("delete") ? new RunError("kubectl", 1, "forbidden", "kubectl is forbidden") : undefined,
    );
    expect(await stop()).toBe("left to Terraform: kubectl is forbidden");
  });
});
