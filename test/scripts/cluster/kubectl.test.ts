import { Kube } from "../../../scripts/cluster/kubectl";
import { RunError } from "../../../scripts/terminal/run-program";
import { testConfig } from "../../helpers/layers";
import { recorder } from "../../helpers/recorder";

it("the user's kubectl preferences are ignored, because they can turn a deletion into a question that counts as success", async () => {
  let seen: unknown;
  const kube = new Kube(testConfig(), (_program, _args, options) => {
    seen = options?.env;
    return Promise.resolve({ code: 0, stdout: "", stderr: "" });
  });
  await kube.raw(["delete", "pod", "any"]);
  expect(seen).toEqual({ KUBERC: "off", KUBECTL_KUBERC: "false" });
});

describe("a cluster that does not answer", () => {
  it("an unreachable cluster is reported with its name, the reason and the next step", async () => {
    const refused = new RunError(
      "kubectl version",
      1,
      "The connection to the server 10.0.0.1:6443 was refused",
      "failed",
    );
    const view = JSON.stringify({
      "current-context": "lab",
      clusters: [{ cluster: { server: "https://10.0.0.1:6443" } }],
    });
    const kube = new Kube(
      testConfig(),
      recorder([
        [/config view/, view],
        [/version/, refused],
      ]).run,
    );
    await expect(kube.ping()).rejects.toMatchObject({
      message:
        "The cluster lab at https://10.0.0.1:6443 cannot be reached: The connection to the server 10.0.0.1:6443 was refused",
      next: expect.stringContaining("cluster.context"),
    });
  });

  it("a configured context that does not exist is reported with the reason", async () => {
    const absent = new RunError("kubectl version", 1, 'error: context "test" does not exist', "failed");
    const kube = new Kube(
      testConfig(),
      recorder([
        [/config view/, absent],
        [/version/, absent],
      ]).run,
    );
    await expect(kube.ping()).rejects.toMatchObject({
      message: expect.stringContaining('context "test" does not exist'),
    });
  });
  it("a cluster is reported as missing if none is configured", async () => {
    const absent = new RunError("kubectl version", 1, "error: current-context is not set", "failed");
    const kube = new Kube(
      { ...testConfig(), clusterIsNamed: false },
      recorder([
        [/config view/, absent],
        [/version/, absent],
      ]).run,
    );
    await expect(kube.ping()).rejects.toMatchObject({ message: "No cluster is configured." });
  });
});
