/** How a member of the main pool prepares for its end: with stand-ins for Redis' programs. */
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { runScript, writePod } from "../../../helpers/redis-pod";

const POOL = ["10.0.0.1", "10.0.0.2", "10.0.0.3"] as const;
const [ME, SECOND, THIRD] = POOL;

/** What is answered, by `address:port COMMAND`; a list is one answer after the other, the last for good. */
type Answers = Readonly<Record<string, string | readonly string[]>>;

const dirs: string[] = [];
afterAll(() => dirs.forEach((dir) => fs.rmSync(dir, { recursive: true, force: true })));

/** Runs it as member 0; gives what was asked of whom, but questions for information. */
function stopMember(answers: Answers) {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), "iacproject-stop-"));
  dirs.push(dir);
  const put = (name: string, text: string) => {
    fs.mkdirSync(path.dirname(path.join(dir, name)), { recursive: true });
    fs.writeFileSync(path.join(dir, name), text, { mode: 0o755 });
  };
  writePod(dir, { pool: POOL });
  for (const [question, said] of Object.entries(answers))
    [said].flat().forEach((text, i) => put(`says/${question.replaceAll(" ", "_")}/${i}`, text));
  put(
    "bin/redis-cli",
    `#!/bin/sh
address=$2
[ "$address" != 127.0.0.1 ] || address=${ME}
read -r _auth; read -r asked
echo OK
echo "$address:$4 $asked" >>${dir}/asked
d=${dir}/says/$(echo "$address:$4 $asked" | tr ' ' _)
[ -d "$d" ] || exit 0
n=$(cat "$d.n" 2>/dev/null || echo 0)
[ -f "$d/$n" ] || n=$((n - 1))
echo $((n + 1)) >"$d.n"
cat "$d/$n"
`,
  );
  put("bin/sleep", "#!/bin/sh\n");
  const { status } = runScript(dir, ["stop-member.sh"]);
  const asked = fs.readFileSync(path.join(dir, "asked"), "utf8").trim().split("\n");
  return { status, asked, orders: asked.filter((line) => !/INFO|GET-MASTER/.test(line)) };
}

const replica = (address: string, offset: number) => `ip=${address},port=6379,state=online,offset=${offset},lag=0`;
/** What main says of itself: at `offset`, its copies at theirs. */
const main = (offset: number, second: number, third = 0) =>
  `role:master\r\nslave0:${replica(SECOND, second)}\r\nslave1:${replica(THIRD, third)}\r\nmaster_repl_offset:${offset}\r\n`;
const names = (address: string): Answers =>
  Object.fromEntries(POOL.map((member) => [`${member}:26379 SENTINEL GET-MASTER-ADDR-BY-NAME main`, address]));
const well = {
  [`${SECOND}:26379 INFO sentinel`]: "sentinel_tilt:0\r\n",
  [`${THIRD}:26379 INFO sentinel`]: "sentinel_tilt:0\r\n",
};
const INFO = `${ME}:6379 INFO replication`;
const refuses = `${ME}:6379 CONFIG SET min-replicas-to-write 1000`;
const takes = `${ME}:6379 CONFIG SET min-replicas-to-write 1`;
const change = (by: string) => `${by}:26379 SENTINEL FAILOVER main`;

describe("a member of the main pool that is to stop", () => {
  it("just stops where it is not main", () => {
    const { status, orders } = stopMember({ [INFO]: "role:slave\r\n" });
    expect([status, orders]).toEqual([0, []]);
  });
  it("that is main takes no more writes, lets a copy have all, then asks for the change, and waits for it", () => {
    const { status, asked, orders } = stopMember({
      [INFO]: [main(90, 90), main(100, 90), main(100, 95), main(100, 100)],
      ...well,
      [change(SECOND)]: "OK",
      ...names(SECOND),
    });
    expect([status, orders]).toEqual([0, [refuses, change(SECOND)]]);
    // no copy had all before the fourth look
    expect(asked.slice(0, asked.indexOf(change(SECOND))).filter((line) => line === INFO)).toHaveLength(4);
  });
  it("passes over a Sentinel that stood still of late, and one that is busy", () => {
    const still = { [`${SECOND}:26379 INFO sentinel`]: "sentinel_tilt:1\r\n" };
    const all = { [INFO]: main(100, 0, 100), ...well, ...names(THIRD) };
    expect(stopMember({ ...all, ...still, [change(THIRD)]: "OK" }).orders).toEqual([refuses, change(THIRD)]);
    expect(
      stopMember({ ...all, [change(SECOND)]: "-INPROG Failover already in progress", [change(THIRD)]: "OK" }).orders,
    ).toEqual([refuses, change(SECOND), change(THIRD)]);
  });
  it("takes writes again until it is stopped where no copy has all, or nobody takes over", () => {
    expect(stopMember({ [INFO]: main(100, 90, 95), ...well, ...names(ME) }).orders).toEqual([refuses, takes]);
    const nobody = stopMember({ [INFO]: main(100, 100), ...well, [change(SECOND)]: "OK", ...names(ME) });
    expect([nobody.status, nobody.orders]).toEqual([0, [refuses, change(SECOND), takes]]);
  });
});
