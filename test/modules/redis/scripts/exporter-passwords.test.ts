import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { PASSWORD, runScript, writePod } from "../../../helpers/redis-pod";

const dir = fs.mkdtempSync(path.join(os.tmpdir(), "iacproject-exporter-"));
afterAll(() => fs.rmSync(dir, { recursive: true, force: true }));

it("the exporter's map has the password for every address", () => {
  writePod(dir);
  const out = path.join(dir, "passwords.json");
  runScript(dir, ["exporter-passwords.sh", out, "redis", "a:1", "b:2"]);
  expect(JSON.parse(fs.readFileSync(out, "utf8"))).toEqual({
    "redis://exporter@a:1": PASSWORD,
    "redis://exporter@b:2": PASSWORD,
  });
  expect(fs.statSync(out).mode & 0o077).toBe(0);
});
