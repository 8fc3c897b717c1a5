/** An apply that gives a Service its first annotation, as the provider performs it. */
import { Kube } from "../../../scripts/cluster/kubectl";
import { keepAnnotations } from "../../../scripts/deploy/foreign-annotations";
import { Terraform } from "../../../scripts/terraform/terraform";
import { RunError } from "../../../scripts/terminal/run-program";
import { Failure } from "../../../scripts/terminal/ui";
import { testConfig } from "../../helpers/layers";
import { recorder } from "../../helpers/recorder";

const config = testConfig();
const service = (annotations: object) =>
  JSON.stringify({ kind: "Service", metadata: { name: "react", namespace: "iacproject", annotations } });
const planned = (actions: string[], annotations: object | null) =>
  JSON.stringify({
    resource_changes: [
      {
        address: "kubernetes_service_v1.react",
        type: "kubernetes_service_v1",
        mode: "managed",
        change: { actions, after: { metadata: [{ name: "react", namespace: "iacproject", annotations }] } },
      },
    ],
  });
const OWN = { "example.com/type": "external" };

/** Applies a plan to a Service that has the annotations `before` the apply and `after` it. */
async function applied(plan: string, before: object, after: object, apply = () => Promise.resolve()) {
  const { run, commands } = recorder([
    [/show -json/, plan],
    [/get service/, service(before), service(after)],
  ]);
  const kept = keepAnnotations(new Kube(config, run), new Terraform(config, "app", run), apply);
  const restored = await kept.catch((error: Error) => error.message);
  return { restored, annotated: commands.filter((c) => c.includes(" annotate ")) };
}

describe("keeping annotations", () => {
  const foreign = { "cloud.example.com/status": '{"zones":["a"]}' };
  it("other tools' annotations are restored with their values if an apply removed them", async () => {
    const { restored, annotated } = await applied(planned(["update"], OWN), foreign, OWN);
    expect(restored).toEqual(["react"]);
    expect(annotated).toEqual([
      expect.stringMatching(/-n iacproject annotate service react cloud\.example\.com\/status=\{"zones":\["a"\]\}$/),
    ]);
  });
  it("other tools' annotations are also restored if the apply fails", async () => {
    const fails = () => Promise.reject(new Failure("no quota"));
    const { restored, annotated } = await applied(planned(["update"], OWN), foreign, OWN, fails);
    expect(restored).toBe("no quota");
    expect(annotated).toHaveLength(1);
  });
  it("other tools' annotations are printed if neither the apply nor their restoration succeeds, and the apply's error is reported", async () => {
    const printed = jest.spyOn(process.stdout, "write").mockImplementation(() => true);
    const { run } = recorder([
      [/show -json/, planned(["update"], OWN)],
      [/get service/, service(foreign), service(OWN)],
      [/ annotate /, new RunError("kubectl", 1, "no route to host", "failed")],
    ]);
    const kept = keepAnnotations(new Kube(config, run), new Terraform(config, "app", run), () =>
      Promise.reject(new Failure("no quota")),
    );
    await expect(kept).rejects.toThrow("no quota");
    const text = printed.mock.calls.join("");
    printed.mockRestore();
    expect(text).toContain("react may have lost annotations");
    expect(text).toContain("cloud.example.com/status");
  });
  it("other tools' annotations are left alone if they are still there, or if their controller has written them again", async () => {
    const again = { ...OWN, "cloud.example.com/status": "new" };
    expect((await applied(planned(["update"], OWN), foreign, again)).annotated).toEqual([]);
  });
  it("other tools' annotations cannot exist on a new object, and are not removed by an apply that sets no annotations", async () => {
    expect((await applied(planned(["create"], OWN), foreign, OWN)).annotated).toEqual([]);
    expect((await applied(planned(["update"], null), foreign, {})).annotated).toEqual([]);
  });
});
