import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { gzipSync } from "node:zlib";
import { Kube } from "../../../scripts/cluster/kubectl";
import { checkStateIsHere } from "../../../scripts/terraform/backend-change";
import { testConfig } from "../../helpers/layers";

describe("a change of backend", () => {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), "iacproject-elsewhere-"));
  afterAll(() => fs.rmSync(dir, { recursive: true }));
  const stateOf = (namespace: string, resources: unknown[] = [{}]) =>
    JSON.stringify({ resources, outputs: { namespace: { value: namespace } } });
  const files = (text?: string) => {
    const file = path.join(dir, "data.tfstate");
    fs.rmSync(file, { force: true });
    if (text !== undefined) fs.writeFileSync(file, text);
  };
  /** Runs the check with the given content of the cluster's Secret, if there is one. */
  const check = (backend: string, secret?: string) => {
    const config = testConfig({
      state: { backend, dir, ...(backend === "s3" ? { bucket: "abc", region: "xy" } : {}) },
    });
    const data = { tfstate: gzipSync(Buffer.from(secret ?? "")).toString("base64") };
    const object = { apiVersion: "v1", kind: "Secret", metadata: { name: "a" }, data };
    const stdout = secret === undefined ? "" : JSON.stringify(object);
    return checkStateIsHere(new Kube(config, () => Promise.resolve({ code: 0, stdout, stderr: "" })));
  };

  it("a deployment stops if its states are in another backend; the error names the command that migrates them", async () => {
    files(stateOf("iacproject"));
    await expect(check("kubernetes")).rejects.toMatchObject({
      message: expect.stringContaining("state.backend is kubernetes, but"),
      next: expect.stringContaining("npm run state -- --from local"),
    });
    await expect(check("s3")).rejects.toThrow("has its states in");
    files();
    await expect(check("local", stateOf("iacproject"))).rejects.toMatchObject({
      next: expect.stringContaining("npm run state -- --from kubernetes"),
    });
  });
  it("a deployment continues if the states are in the right backend, belong to another deployment, or are empty", async () => {
    files(stateOf("iacproject"));
    await check("local", stateOf("iacproject"));
    files(stateOf("another"));
    await check("kubernetes");
    files(stateOf("iacproject", []));
    await check("kubernetes");
    files("not a state");
    await check("kubernetes");
    files();
    await check("kubernetes");
    await check("local");
    await check("local", stateOf("another"));
  });
  it("a deployment stops if the configured backend contains the states of a system in another namespace", async () => {
    files(stateOf("first"));
    await expect(check("local")).rejects.toMatchObject({
      message: expect.stringMatching(/contain the system in namespace first, but namespaces\.app is iacproject/),
      next: expect.stringContaining("state.dir"),
    });
    files();
    await expect(check("kubernetes", stateOf("first"))).rejects.toMatchObject({
      message: expect.stringContaining("Secrets tfstate-default-iacproject-… in namespace default"),
      next: expect.stringContaining("state.prefix"),
    });
    // accepted: the state of a destroyed layer, or of a run that was killed before it wrote its outputs
    await check("kubernetes", stateOf("first", []));
    await check("kubernetes", JSON.stringify({ resources: [{}] }));
  });
});
