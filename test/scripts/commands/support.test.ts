/** What is given away to whoever helps holds no secret. */
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { testConfig } from "../../helpers/layers";
import { beginJournal, endJournal, note } from "../../../scripts/terminal/run-log";
import { Kube } from "../../../scripts/cluster/kubectl";
import { HIDDEN, hide, secretsIn } from "../../../scripts/cluster/redact-secrets";
import { RunError, type Run } from "../../../scripts/terminal/run-program";

const base64 = (text: string) => Buffer.from(text).toString("base64");
const cluster = (items: object[]): Kube => {
  const run: Run = () => Promise.resolve({ code: 0, stdout: JSON.stringify({ items }), stderr: "" });
  return new Kube(testConfig(), run);
};

describe("secrets of the cluster", () => {
  const kube = cluster([
    {
      kind: "Secret",
      type: "Opaque",
      data: { admin: base64("hunter2hunter2"), "tls.key": base64("first line\nsecond line") },
    },
    { kind: "Secret", type: "helm.sh/release.v1", data: { release: base64("much") } },
  ]);
  it("are taken out of every text, as they are, as base64, and line by line", async () => {
    const secrets = await secretsIn(kube, "iacproject");
    const text = `AUTH admin hunter2hunter2\ndata: ${base64("hunter2hunter2")}\n  second line\nfine`;
    expect(hide(text, secrets)).toBe(`AUTH admin ${HIDDEN}\ndata: ${HIDDEN}\n  ${HIDDEN}\nfine`);
  });
  it("that may not be looked at are none that anybody knows here", async () => {
    const denied: Run = () => Promise.reject(new RunError("kubectl", 1, "Error: forbidden", "failed"));
    expect(await secretsIn(new Kube(testConfig(), denied), "iacproject")).toEqual([]);
  });
});

describe("what looks like a secret", () => {
  it.each([
    ["Authorization: Bearer abcdef1234567890", "abcdef1234567890"],
    ["https://user:hunter2@registry.example/x", "hunter2"],
    ["REDIS_PASSWORD=correcthorse next", "correcthorse"],
    ['{"apiKey": "k3y-k3y-k3y"}', "k3y-k3y-k3y"],
    ["-----BEGIN RSA PRIVATE KEY-----\nabc\n-----END RSA PRIVATE KEY-----", "abc"],
    ["token eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJ4In0xx.c2ln", "eyJhbGciOiJSUzI1NiJ9"],
  ])("is taken out too: %s", (text, secret) => {
    expect(hide(text, [])).not.toContain(secret);
  });
  it("is not what a Secret is called, nor a short word", () => {
    const text = "secretName: redis-users, key admin; 3 passwords changed";
    expect(hide(text, ["key"])).toBe(text);
  });
});

describe("the journal of commands", () => {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), "journal-"));
  afterEach(endJournal);
  afterAll(() => fs.rmSync(dir, { recursive: true }));

  it("keeps what was said and run, with its moment and without colours, and the last twenty of them", () => {
    for (let i = 10; i < 40; i++) fs.writeFileSync(path.join(dir, `2020-01-${i}-up.log`), "x");
    beginJournal(dir, "up --yes");
    note("\u001b[32m✓\u001b[39m data\nmore");
    const names = fs.readdirSync(dir).sort();
    expect(names).toHaveLength(20);
    const text = fs.readFileSync(path.join(dir, names.at(-1)!), "utf8");
    expect(text).toMatch(/^npm run up --yes\n[\d:.]+ ✓ data\n {2}more\n$/);
  });
  it("that cannot be written stops nobody", () => {
    beginJournal(path.join(dir, "2020-01-39-up.log", "no-folder"), "up");
    expect(() => note("a")).not.toThrow();
  });
  it("is not written for commands that change nothing", () => {
    note("nobody has begun it");
    expect(fs.readdirSync(dir).some((n) => fs.readFileSync(path.join(dir, n), "utf8").includes("nobody"))).toBe(false);
  });
});
