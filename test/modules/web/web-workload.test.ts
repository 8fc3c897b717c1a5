import { synthesize, workload, type Json } from "../../helpers/layers";

const all = synthesize();
const container = (w: Json): Json => w["spec"].template.spec.containers[0];

describe("a web pod's disk", () => {
  it.each(["node", "react"])("has a limit for %s", (name) => {
    const { volumes } = workload(all, name)["spec"].template.spec;
    expect(volumes).toContainEqual({ name: "tmp", emptyDir: { sizeLimit: "16Mi" } });
  });
});

describe("rolling updates fail no requests", () => {
  it.each(["node", "react"])("%s adds a Ready pod before it removes one, and drains before it stops", (name) => {
    const w = workload(all, name);
    expect(w["spec"].strategy.rollingUpdate.maxUnavailable).toBe(0);
    const { terminationGracePeriodSeconds } = w["spec"].template.spec;
    expect(container(w)["lifecycle"].preStop.exec.command.join(" ")).toMatch(/sleep 10$/);
    // the preStop pause, late connections, and the longest response
    expect(terminationGracePeriodSeconds).toBeGreaterThan(10 + 5 + 30);
  });
});
