import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { parse } from "yaml";
import { configSchema } from "../../../config";
import { isKindConfig, removeKindConfig, writeKindConfig } from "../../../scripts/cluster/kind-config";
import { testConfig } from "../../helpers/layers";

describe("a kind cluster for the project", () => {
  const config = testConfig();
  it("config.yaml names the cluster; `down` removes that file again unless the user wrote it", () => {
    const dir = fs.mkdtempSync(path.join(os.tmpdir(), "iacproject-kind-"));
    const file = path.join(dir, "config.yaml");
    expect(writeKindConfig(config, file)).toBeUndefined();
    const written = parse(fs.readFileSync(file, "utf8")) as object;
    expect(written).toMatchObject({
      cluster: { context: "kind-iacproject" },
      registry: { push: "localhost:5001" },
      exposure: { type: "NodePort", nodePort: 30080 },
      monitoring: { grafanaNodePort: 30030 },
    });
    expect(configSchema.safeParse(written).success).toBe(true);
    expect(isKindConfig(file)).toBe(true);
    removeKindConfig(file);
    expect(fs.existsSync(file)).toBe(false);
    fs.writeFileSync(file, "redis: {}\n");
    expect(writeKindConfig(config, file)).toContain("context: kind-iacproject");
    removeKindConfig(file);
    expect(fs.existsSync(file)).toBe(true);
    fs.rmSync(dir, { recursive: true });
  });
});
