import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { resolveImages } from "../../../modules/images/resolve";
import { testConfig } from "../../helpers/layers";

describe("images by configuration", () => {
  const ask = jest.fn(() => Promise.resolve({ state: "absent" as const }));
  it("images can come from another checkout", async () => {
    const dir = fs.mkdtempSync(path.join(os.tmpdir(), "iacproject-checkout-"));
    fs.writeFileSync(path.join(dir, "Dockerfile"), "FROM scratch");
    const { node } = await resolveImages(testConfig({ images: { node: { context: dir } } }), ask);
    expect(node).toMatchObject({ kind: "built", context: dir });
    fs.rmSync(dir, { recursive: true });
  });
  it("prebuilt images are neither hashed nor looked up in the registry", async () => {
    ask.mockClear();
    const prebuilt = { image: "registry.example/x:1" };
    await resolveImages(testConfig({ images: { node: { ...prebuilt, context: "/nowhere" }, react: prebuilt } }), ask);
    expect(ask).not.toHaveBeenCalled();
  });
  it("the error explains why a local registry is unreachable if the Docker engine is on another machine", async () => {
    const refused = () => Promise.resolve({ state: "unreachable" as const, reason: "localhost:5000: ECONNREFUSED" });
    const at = async (dockerHost: string) => {
      const { node } = await resolveImages(testConfig({ images: { dockerHost } }), refused);
      return node.kind === "built" ? node.inRegistry : undefined;
    };
    expect(await at("tcp://192.168.49.2:2376")).toMatchObject({
      reason: expect.stringMatching(
        /ECONNREFUSED\. The Docker engine is at tcp:.*port-forward service\/registry 5000:80/,
      ),
    });
    expect(await at("unix:///var/run/docker.sock")).toEqual(await refused());
  });
});
