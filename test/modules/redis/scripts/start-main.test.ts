/** A lone main on a volume that was a pool member's: with a stand-in for redis-server. */
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { runScript, writePod } from "../../../helpers/redis-pod";

const dir = fs.mkdtempSync(path.join(os.tmpdir(), "iacproject-main-"));
afterAll(() => fs.rmSync(dir, { recursive: true, force: true }));

function start(main: string) {
  const put = (name: string, text: string) => {
    fs.mkdirSync(path.dirname(path.join(dir, name)), { recursive: true });
    fs.writeFileSync(path.join(dir, name), text, { mode: 0o755 });
  };
  put("data/appendonlydir/appendonly.aof.1.incr.aof", "x");
  put("data/sentinel/sentinel.conf", `sentinel announce-ip "10.0.0.1"\nsentinel monitor main ${main} 6379 2\n`);
  put("bin/redis-server", "#!/bin/sh\necho STARTED\n");
  writePod(dir);
  return runScript(dir, ["start-main.sh"]);
}

describe("main alone, after redis.durability was ha", () => {
  it("starts where it was main at the end", () => {
    expect(start("10.0.0.1").stdout).toContain("STARTED");
  });
  it("refuses where another was, for that one has what is missing here, and says how to go on", () => {
    const { status, stderr } = start("10.0.0.3");
    expect(status).toBe(1);
    expect(stderr).toContain("another member of the pool was main");
    expect(stderr).toContain("delete main's pod until redis-main-0 is main");
  });
});
