/** Two runs in the same folder would read each other's plans, so the second one reports the first and stops. */
import { spawn, spawnSync } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { acquireLock } from "../../../scripts/terminal/lock";

const folder = fs.mkdtempSync(path.join(os.tmpdir(), "one-run-"));
afterAll(() => fs.rmSync(folder, { recursive: true }));
const file = path.join(folder, "state", "running.json");
const heldBy = (pid: number) => {
  fs.mkdirSync(path.dirname(file), { recursive: true });
  fs.writeFileSync(file, JSON.stringify({ pid, command: "up", at: "2026-01-02T03:04:05.000Z" }));
};

it("the error names an active run, which keeps its lock", () => {
  const other = spawn("sleep", ["60"]);
  heldBy(other.pid!);
  expect(() => acquireLock(file, "diff")).toThrow(
    `npm run up has been running in this folder since 2026-01-02 03:04:05 UTC (process ${other.pid}).`,
  );
  expect(JSON.parse(fs.readFileSync(file, "utf8"))).toMatchObject({ pid: other.pid });
  other.kill();
});

it.each([
  ["of a killed run", () => heldBy(spawnSync("true").pid)],
  ["that is unreadable", () => fs.writeFileSync(file, "{")],
])("a lock %s is replaced", (_, leave) => {
  leave();
  acquireLock(file, "up");
  expect(JSON.parse(fs.readFileSync(file, "utf8"))).toMatchObject({ pid: process.pid, command: "up" });
  fs.rmSync(file);
});
