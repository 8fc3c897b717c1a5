/** How a member of the Sentinel group prepares for shutdown, with stand-ins for Redis' programs. */
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { runScript, writePod } from "../../../helpers/redis-pod";

const POOL = ["10.0.0.1", "10.0.0.2", "10.0.0.3"] as const;
const [ME, SECOND, THIRD] = POOL;

/** Replies by `address:port COMMAND`; a list is used in order, and its last reply repeats. */
type Answers = Readonly<Record<string, string | readonly string[]>>;

const dirs: string[] = [];
afterAll(() => dirs.forEach((dir) => fs.rmSync(dir, { recursive: true, force: true })));

/** Runs the script as member 0; `orders` are the commands without pure queries. */
function stopMember(given: Answers, guarded = true) {
  const answers = { [refuses]: "OK", ...given };
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), "iacproject-stop-"));
  dirs.push(dir);
  const put = (name: string, text: string) => {
    fs.mkdirSync(path.dirname(path.join(dir, name)), { recursive: true });
    fs.writeFileSync(path.join(dir, name), text, { mode: 0o755 });
  };
  writePod(dir, { pool: POOL });
  put("data/sentinel/of-member", "");
  if (guarded) put("run/guard", "");
  for (const [question, replies] of Object.entries(answers))
    [replies].flat().forEach((text, i) => put(`says/${question.replaceAll(" ", "_")}/${i}`, text));
  put(
    "bin/redis-cli",
    `#!/bin/sh
address=$2
[ "$address" != 127.0.0.1 ] || address=${ME}
read -r _auth; read -r command
echo OK
echo "$address:$4 $command" >>${dir}/commands
d=${dir}/says/$(echo "$address:$4 $command" | tr ' ' _)
[ -d "$d" ] || exit 0
n=$(cat "$d.n" 2>/dev/null || echo 0)
[ -f "$d/$n" ] || n=$((n - 1))
echo $((n + 1)) >"$d.n"
cat "$d/$n"
`,
  );
  put("bin/sleep", "#!/bin/sh\n");
  const { status } = runScript(dir, ["stop-member.sh"]);
  const commands = fs.readFileSync(path.join(dir, "commands"), "utf8").trim().split("\n");
  const handingOver = fs.existsSync(path.join(dir, "run/handing-over"));
  const ended = fs.readFileSync(path.join(dir, "data/sentinel/of-member"), "utf8").trim();
  return {
    status,
    commands,
    handingOver,
    ended,
    orders: commands.filter((line) => !/INFO|GET-MASTER|PING/.test(line)),
  };
}

const replica = (address: string, offset: number) => `ip=${address},port=6379,state=online,offset=${offset},lag=0`;
/** The reply of a main at `offset` to INFO, with its replicas' offsets. */
const main = (offset: number, second: number, third = 0) =>
  `role:master\r\nslave0:${replica(SECOND, second)}\r\nslave1:${replica(THIRD, third)}\r\nmaster_repl_offset:${offset}\r\n`;
const names = (address: string): Answers =>
  Object.fromEntries(POOL.map((member) => [`${member}:26379 SENTINEL GET-MASTER-ADDR-BY-NAME main`, address]));
const healthy = {
  [`${SECOND}:26379 INFO sentinel`]: "sentinel_tilt:0\r\n",
  [`${THIRD}:26379 INFO sentinel`]: "sentinel_tilt:0\r\n",
};
const INFO = `${ME}:6379 INFO replication`;
const refuses = `${ME}:6379 CONFIG SET min-replicas-to-write 1000`;
const takes = `${ME}:6379 CONFIG SET min-replicas-to-write 1`;
const change = (by: string) => `${by}:26379 SENTINEL FAILOVER main`;

describe("a member of the Sentinel group that shuts down", () => {
  it("stops at once if it is not main", () => {
    const { status, orders } = stopMember({ [INFO]: "role:slave\r\n" });
    expect([status, orders]).toEqual([0, []]);
  });
  it("that is main refuses writes, waits until a replica has caught up, then requests a failover, and waits for it", () => {
    const { status, commands, orders } = stopMember({
      [INFO]: [main(90, 90), main(100, 90), main(100, 95), main(100, 100)],
      ...healthy,
      [change(SECOND)]: "OK",
      ...names(SECOND),
    });
    expect([status, orders]).toEqual([0, [refuses, refuses, change(SECOND)]]);
    // no replica had caught up before the fourth poll
    expect(commands.slice(0, commands.indexOf(change(SECOND))).filter((line) => line === INFO)).toHaveLength(4);
  });
  it("skips a Sentinel in TILT mode, and one with a failover in progress", () => {
    const still = { [`${SECOND}:26379 INFO sentinel`]: "sentinel_tilt:1\r\n" };
    const all = { [INFO]: main(100, 0, 100), ...healthy, ...names(THIRD) };
    expect(stopMember({ ...all, ...still, [change(THIRD)]: "OK" }).orders).toEqual([refuses, refuses, change(THIRD)]);
    expect(
      stopMember({ ...all, [change(SECOND)]: "-INPROG Failover already in progress", [change(THIRD)]: "OK" }).orders,
    ).toEqual([refuses, refuses, change(SECOND), change(THIRD)]);
  });
  it("makes the guard allow writes again until it is stopped if no replica catches up, or no member takes over", () => {
    const running = { [`${SECOND}:6379 PING`]: "PONG" };
    const alone = stopMember({ [INFO]: main(100, 90, 95), ...healthy, ...names(ME), ...running });
    expect([alone.orders, alone.handingOver, alone.ended]).toEqual([[refuses], false, ""]);
    const noTakeover = { [INFO]: main(100, 100), ...healthy, [change(SECOND)]: "OK", ...names(ME), ...running };
    const { status, orders, handingOver } = stopMember(noTakeover);
    expect([status, orders, handingOver]).toEqual([0, [refuses, refuses, change(SECOND)], false]);
    // a pod of the previous version has no guard
    expect(stopMember(noTakeover, false).orders).toEqual([refuses, refuses, change(SECOND), takes]);
  });
  it("stores that it was the last main, and goes on refusing writes, if nothing of the others answers any more", () => {
    const last = stopMember({ [INFO]: main(100, 90, 95) });
    expect([last.status, last.orders, last.handingOver]).toEqual([0, [refuses, refuses], true]);
    expect(Math.abs(Number(last.ended) - Date.now() / 1000)).toBeLessThan(600);
  });
  it("does not store it if a member answers, may have taken over or has, or if it does not confirm that it refuses writes", () => {
    const last = { [INFO]: main(100, 90, 95) };
    for (const question of [`${SECOND}:6379`, `${SECOND}:26379`, `${THIRD}:6379`, `${THIRD}:26379`])
      expect(stopMember({ ...last, [`${question} PING`]: "-LOADING" }).ended).toBe("");
    const requested = { [INFO]: main(100, 100), ...healthy, [change(SECOND)]: "OK" };
    expect(stopMember(requested).ended).toBe("");
    expect(stopMember({ ...requested, ...names(SECOND) }).ended).toBe("");
    // the reply was lost
    expect(stopMember({ ...requested, [change(SECOND)]: "" }).ended).toBe("");
    expect(stopMember({ ...last, [refuses]: ["OK", ""] }).ended).toBe("");
    expect(stopMember({ [INFO]: "role:slave\r\n" }).ended).toBe("");
  });
  it("requests no failover if it did not confirm that it refuses writes, even after another attempt", () => {
    const caughtUp = { [INFO]: main(100, 100), ...healthy, [change(SECOND)]: "OK", ...names(SECOND) };
    for (const reply of ["", "-NOPERM no"]) {
      const { status, orders } = stopMember({ ...caughtUp, [refuses]: reply });
      expect([status, orders]).toEqual([0, [refuses, refuses, refuses]]);
    }
    expect(stopMember({ ...caughtUp, [refuses]: ["", "OK"] }).orders).toContain(change(SECOND));
    // lost only when it is repeated, right before the request
    expect(stopMember({ ...caughtUp, [refuses]: ["OK", ""] }).orders).not.toContain(change(SECOND));
  });
});
