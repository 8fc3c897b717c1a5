/**
 * The configuration with which a Sentinel starts: its previous state, and the current settings. With a stand-in for
 * redis-server.
 */
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { runScript, writePod } from "../../../helpers/redis-pod";

const dir = fs.mkdtempSync(path.join(os.tmpdir(), "iacproject-sentinel-"));
afterAll(() => fs.rmSync(dir, { recursive: true, force: true }));
const file = (name: string) => path.join(dir, name);
const CONF = "data/sentinel/sentinel.conf";

/** Starts a member's Sentinel, by default that of member 1; returns its configuration. */
function start(pool: readonly string[], password: string, pod = "redis-main-1"): string {
  // the watcher of this Sentinel ends soon after it, and only then is the script's output complete
  writePod(dir, { pool, password, replace: { "EVERY=5": "EVERY=0.1" } });
  fs.mkdirSync(file("bin"), { recursive: true });
  fs.writeFileSync(file("bin/redis-server"), "#!/bin/sh\nexit 0\n", { mode: 0o755 });
  const { status, stderr } = runScript(dir, ["start-sentinel.sh"], { POD: pod });
  expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
  return fs.readFileSync(file(CONF), "utf8");
}
/** Writes a configuration as Sentinel itself rewrites it. */
const learn = (...lines: string[]) =>
  fs.writeFileSync(
    file(CONF),
    ["port 26379", 'sentinel announce-ip "10.0.0.2"', "sentinel auth-pass main old", ...lines, ""].join("\n"),
  );

describe("a Sentinel of the group", () => {
  const pool = ["10.0.0.1", "10.0.0.2", "10.0.0.3"];

  it("initially monitors the first member as main, and knows all others", () => {
    const conf = start(pool, "first");
    expect(conf).toContain("sentinel monitor main 10.0.0.1 6379 2\n");
    for (const line of ["known-replica main 10.0.0.2 6379", "known-replica main 10.0.0.3 6379"])
      expect(conf).toContain(`sentinel ${line}\n`);
    expect(conf).toContain("sentinel announce-ip 10.0.0.2\n");
    expect(conf).toContain("sentinel down-after-milliseconds main 3000\n");
    // the file must be writable, because pods run as non-root
    expect(fs.statSync(file("data/sentinel/pool")).mode & 0o200).toBe(0o200);
    // settings of a main must follow its monitor line
    expect(conf.indexOf("sentinel monitor")).toBeLessThan(conf.indexOf("\nsentinel down-after"));
  });
  it("remembers main and its epoch, and uses the current password", () => {
    learn(
      "sentinel monitor main 10.0.0.3 6379 2",
      "sentinel config-epoch main 4",
      "sentinel known-replica main 10.9.9.9 6379",
      "sentinel known-sentinel main 10.0.0.1 26379 abc",
      "sentinel current-epoch 4",
      "sentinel myid def",
    );
    const conf = start(pool, "second");
    for (const line of [
      "monitor main 10.0.0.3 6379 2",
      "config-epoch main 4",
      "myid def",
      "auth-user main sentinel",
      "auth-pass main second",
      "sentinel-user sentinel",
      "sentinel-pass second",
    ])
      expect(conf).toContain(`sentinel ${line}\n`);
    expect(conf).toContain("known-replica main 10.0.0.1 6379");
    // only members can be promoted
    expect(conf).not.toContain("10.9.9.9");
    expect(conf).not.toContain("old");
  });
  it("finds main by its ordinal when the members have other addresses", () => {
    const conf = start(["10.1.0.1", "10.1.0.2", "10.1.0.3"], "second");
    expect(conf).toContain("sentinel monitor main 10.1.0.3 6379 2\n");
    expect(conf).toContain("sentinel config-epoch main 4\n");
    expect(conf).not.toContain("10.0.0.");
    expect(fs.statSync(file(CONF)).mode & 0o077).toBe(0);
  });
  it("is not left with an empty file by a power failure: each file is synced before it is renamed, its folder after", () => {
    const program = (name: string) =>
      fs.writeFileSync(file(`bin/${name}`), `#!/bin/sh\necho ${name} "$@" >>${dir}/steps\nexec /bin/${name} "$@"\n`, {
        mode: 0o755,
      });
    start(pool, "first");
    for (const name of ["sync", "mv"]) program(name);
    start(pool, "second");
    const steps = fs.readFileSync(file("steps"), "utf8").replaceAll(`${dir}/data`, "").trim().split("\n");
    const replaced = (path: string) => [`sync ${path}.new`, `mv ${path}.new ${path}`, "sync /sentinel"];
    expect(steps.filter((step) => /\W\/sentinel\b/.test(step) && !step.includes(dir))).toEqual([
      ...replaced("/sentinel/sentinel.conf"),
      ...replaced("/sentinel/pool"),
    ]);
    for (const name of ["sync", "mv"]) fs.rmSync(file(`bin/${name}`));
  });
  it("finds main although its last start ended before it had stored the members' addresses", () => {
    start(pool, "first");
    learn("sentinel monitor main 10.1.0.2 6379 2", "sentinel config-epoch main 4");
    expect(start(["10.1.0.1", "10.1.0.2", "10.1.0.3"], "second")).toContain("sentinel monitor main 10.1.0.2 6379 2\n");
  });
  it("marks the volume if its group was created again, except that of redis-main-0, which a single main may have used", () => {
    const mark = file("data/sentinel/of-single-main");
    const marked = () => fs.existsSync(mark);
    // for access.sh
    const commits = file("data/sentinel/commits");
    const again = ["10.2.0.1", "10.2.0.2", "10.2.0.3"];
    start(pool, "first");
    for (const name of [mark, commits]) fs.rmSync(name, { force: true });
    start(pool, "first");
    expect([marked(), fs.existsSync(commits)]).toEqual([false, false]);
    // a volume without data has nothing that could be promoted
    start(again, "first");
    expect([marked(), fs.existsSync(commits)]).toEqual([false, true]);
    start(pool, "first");
    fs.mkdirSync(file("data/appendonlydir"));
    start(again, "first");
    expect(marked()).toBe(true);
    // only the guard removes it
    start(again, "first");
    expect(marked()).toBe(true);
    for (const name of [mark, commits]) fs.rmSync(name);
    start(pool, "first", "redis-main-0");
    expect([marked(), fs.existsSync(commits)]).toEqual([false, true]);
  });
  it("starts from an empty or truncated file", () => {
    for (const lines of [[], ["sentinel myid def"]]) {
      learn(...lines);
      expect(start(pool, "first")).toContain("sentinel monitor main 10.0.0.1 6379 2\n");
    }
  });
});
