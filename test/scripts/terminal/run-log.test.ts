import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { startRunLog, closeRunLog, note } from "../../../scripts/terminal/run-log";

describe("the run log", () => {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), "journal-"));
  afterEach(closeRunLog);
  afterAll(() => fs.rmSync(dir, { recursive: true }));

  it("the log contains output and commands with their times and without colours; the last twenty logs are kept", () => {
    for (let i = 10; i < 40; i++) fs.writeFileSync(path.join(dir, `2020-01-${i}-up.log`), "x");
    startRunLog(dir, "up --yes");
    note("\u001b[32m✓\u001b[39m data\nmore");
    const names = fs.readdirSync(dir).sort();
    expect(names).toHaveLength(20);
    const text = fs.readFileSync(path.join(dir, names.at(-1)!), "utf8");
    expect(text).toMatch(/^npm run up --yes\n[\d:.]+ ✓ data\n {2}more\n$/);
  });
  it("a log that cannot be written does not stop a command", () => {
    startRunLog(path.join(dir, "2020-01-39-up.log", "no-folder"), "up");
    expect(() => note("a")).not.toThrow();
  });
  it("no log is written for commands that change nothing", () => {
    note("not started");
    expect(fs.readdirSync(dir).some((n) => fs.readFileSync(path.join(dir, n), "utf8").includes("not started"))).toBe(
      false,
    );
  });
});
