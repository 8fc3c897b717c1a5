/** A support archive contains no secrets. */
import { testConfig } from "../../helpers/layers";
import { Kube } from "../../../scripts/cluster/kubectl";
import { REDACTED, redact, secretsIn } from "../../../scripts/cluster/redact-secrets";
import { RunError, type Run } from "../../../scripts/terminal/run-program";

const base64 = (text: string) => Buffer.from(text).toString("base64");
const cluster = (items: object[]): Kube => {
  const run: Run = () => Promise.resolve({ code: 0, stdout: JSON.stringify({ items }), stderr: "" });
  return new Kube(testConfig(), run);
};

describe("the cluster's secrets", () => {
  const kube = cluster([
    {
      kind: "Secret",
      type: "Opaque",
      data: { admin: base64("hunter2hunter2"), "tls.key": base64("first line\nsecond line") },
    },
    { kind: "Secret", type: "helm.sh/release.v1", data: { release: base64("much") } },
  ]);
  it("secrets are redacted in every text, whether they appear literally, as base64, or line by line", async () => {
    const secrets = await secretsIn(kube, "iacproject");
    const text = `AUTH admin hunter2hunter2\ndata: ${base64("hunter2hunter2")}\n  second line\nfine`;
    expect(redact(text, secrets)).toBe(`AUTH admin ${REDACTED}\ndata: ${REDACTED}\n  ${REDACTED}\nfine`);
  });
  it("the list of secrets is empty if the user may not read them", async () => {
    const denied: Run = () => Promise.reject(new RunError("kubectl", 1, "Error: forbidden", "failed"));
    expect(await secretsIn(new Kube(testConfig(), denied), "iacproject")).toEqual([]);
  });
});

describe("text that looks like a secret", () => {
  it.each([
    ["Authorization: Bearer abcdef1234567890", "abcdef1234567890"],
    ["https://user:hunter2@registry.example/x", "hunter2"],
    ["REDIS_PASSWORD=correcthorse next", "correcthorse"],
    ['{"apiKey": "k3y-k3y-k3y"}', "k3y-k3y-k3y"],
    ["-----BEGIN RSA PRIVATE KEY-----\nabc\n-----END RSA PRIVATE KEY-----", "abc"],
    ["token eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJ4In0xx.c2ln", "eyJhbGciOiJSUzI1NiJ9"],
  ])("is redacted too: %s", (text, secret) => {
    expect(redact(text, [])).not.toContain(secret);
  });
  it("a Secret's name and short words are not redacted", () => {
    const text = "secretName: redis-users, key admin; 3 passwords changed";
    expect(redact(text, ["key"])).toBe(text);
  });
});
