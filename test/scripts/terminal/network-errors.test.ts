/** If a server does not answer, one sentence states its name, the reason and an alternative. */
import { RunError, type Run } from "../../../scripts/terminal/run-program";
import { Terraform } from "../../../scripts/terraform/terraform";
import { unreachable, unreached } from "../../../scripts/terminal/network-errors";
import { testConfig } from "../../helpers/layers";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";

/** Terraform 1.13's output on a machine without internet access, with the original line breaks. */
const INIT = `Error: Failed to query available provider packages

Could not retrieve the list of available versions for provider
hashicorp/kubernetes: could not connect to registry.example.io: failed to
request discovery document: Get
"https://registry.example.io/.well-known/terraform.json": dial tcp: lookup
registry.example.io on 10.0.0.53:53: no such host
`;

it.each([
  ["Terraform's registry", INIT, "registry.example.io (no such host)"],
  [
    "a chart's repository",
    `could not download chart: looks like "https://charts.example.org" is not a valid chart repository or cannot be reached: Get "https://charts.example.org/index.yaml": dial tcp 203.0.113.9:443: connect: network is unreachable`,
    "charts.example.org (network is unreachable)",
  ],
  [
    "a base image's registry",
    `failed to do request: Head "https://images.example.com/v2/library/node/manifests/24": dial tcp: lookup images.example.com: Temporary failure in name resolution`,
    "images.example.com (Temporary failure in name resolution)",
  ],
])("%s that cannot be reached", (_, text, server) => {
  const failure = unreachable("Layer data", text)!;
  expect(failure.message).toBe(`Layer data: ${server} cannot be reached.`);
  expect(failure.next).toContain("docs/air-gapped.md");
});

it.each(["connection refused", "EOF", "i/o timeout"])(
  "a cluster that stopped answering (%s) is not mistaken for missing internet access",
  (why) => {
    const text = `Error: Get "https://cluster.example.com:6443/apis/apps/v1/namespaces/iacproject/deployments/node": dial tcp 192.0.2.2:6443: connect: ${why}`;
    expect(unreached(text).hosts.size).toBe(0);
    expect(unreachable("Layer app", text)!.message).toBe(`Layer app: the cluster stopped answering (${why}).`);
  },
);

it("an error that a server returned is not changed", () => {
  expect(unreachable("Layer app", 'services "node" already exists')).toBeUndefined();
  expect(unreachable("Layer app", 'Get "https://cluster.example.com/api/v1": Forbidden')).toBeUndefined();
});

it("terraform init without internet access prints one sentence, not a page of output", async () => {
  const run: Run = () => Promise.reject(new RunError("terraform init", 1, INIT, `terraform init failed:\n${INIT}`));
  const terraform = new Terraform(testConfig(), "data", run);
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), "unreachable-"));
  fs.writeFileSync(path.join(dir, "cdk.tf.json"), '{"terraform":{}}');
  Object.assign(terraform, { dir });
  await expect(terraform.init()).rejects.toThrow(
    /^Layer data: registry\.example\.io \(no such host\) cannot be reached\.$/,
  );
  fs.rmSync(dir, { recursive: true });
});
