/** A kubeconfig's login program that returns no credentials, with the output of kubectl 1.32 and 1.34. */
import { Kube } from "../../../scripts/cluster/kubectl";
import { loginProblem } from "../../../scripts/cluster/login";
import { checkKubectl } from "../../../scripts/deploy/preflight";
import { RunError } from "../../../scripts/terminal/run-program";
import { testConfig } from "../../helpers/layers";
import { recorder } from "../../helpers/recorder";

const PROMPT =
  "To sign in, use a web browser to open the page https://microsoft.com/devicelogin and enter the code ABCDEF to authenticate.";
const timedOut = (output: string) => new RunError("kubectl version", undefined, output, "did not finish within 15 s");
const failed = (output: string) => new RunError("kubectl version", 1, output, "failed");

describe("the kubeconfig's login program", () => {
  const ping = (error: RunError) =>
    new Kube(
      testConfig(),
      recorder([
        [/config view/, "{}"],
        [/version/, error],
      ]).run,
    ).ping();

  it("a login program that waits for the user is reported with its own prompt", async () => {
    await expect(ping(timedOut(PROMPT))).rejects.toMatchObject({
      message: expect.stringMatching(/login program is waiting for you: To sign in, .*ABCDEF/),
      next: expect.stringMatching(/^Log in where you can answer it: kubectl .*--context test version/),
    });
  });
  it("a login program that fails is reported with the reason that it printed", async () => {
    const output =
      "Error loading SSO Token: Token for corp does not exist\n" +
      "E1126 07:54:31.101 4711 memcache.go:265] couldn't get current server API group list\n" +
      "Unable to connect to the server: getting credentials: exec: executable aws failed with exit code 255";
    await expect(ping(failed(output))).rejects.toMatchObject({
      message: expect.stringMatching(/executable aws failed with exit code 255: Error loading SSO Token/),
      next: expect.stringContaining("aws sso login"),
    });
  });
  it("the error names a login program that is not installed", async () => {
    const output = `Unable to connect to the server: getting credentials: exec: executable gke-gcloud-auth-plugin not found

It looks like you are trying to use a client-go credential plugin that is not installed.

To learn more about this feature, consult the documentation available at:
      https://kubernetes.io/docs/reference/access-authn-authz/authentication/#client-go-credential-plugins`;
    await expect(ping(failed(output))).rejects.toThrow("login program gke-gcloud-auth-plugin is not installed");
  });
  it("a login program that predates Kubernetes 1.24 needs a new kubeconfig", async () => {
    const output = 'error: exec plugin: invalid apiVersion "client.authentication.k8s.io/v1alpha1"';
    await expect(ping(failed(output))).rejects.toMatchObject({
      message: expect.stringContaining("client.authentication.k8s.io/v1alpha1, which kubectl and Terraform no longer"),
      next: expect.stringContaining("aws eks update-kubeconfig"),
    });
  });
  it("an expired login causes advice to log in again, not to start the cluster", async () => {
    const output = "error: You must be logged in to the server (Unauthorized)";
    await expect(ping(failed(output))).rejects.toMatchObject({ next: expect.stringMatching(/^Log in again/) });
  });
  it("a login program is not blamed for unrelated failures, and kubectl is not reported as missing while the program waits", async () => {
    expect(loginProblem(failed("The connection to the server 10.0.0.1:6443 was refused"), "")).toBeUndefined();
    expect(loginProblem(timedOut(""), "")).toBeUndefined();
    const { run } = recorder([[/version --client/, timedOut(PROMPT)]]);
    await expect(checkKubectl(run)).rejects.toThrow(/^kubectl does not answer: .*waiting for you/);
  });
});
