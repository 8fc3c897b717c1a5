/** How a member of the main pool starts, by what Sentinels and other members say: with stand-ins for Redis' programs. */
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { runScript, writePod } from "../../../helpers/redis-pod";

const POOL = ["10.0.0.1", "10.0.0.2", "10.0.0.3"] as const;
const [ME, SECOND, THIRD] = POOL;

/** What is answered, by `address:port`; a list is one answer after the other, the last for good. */
type Answers = Readonly<Record<string, string | readonly string[]>>;

const sentinels = (...mains: (string | undefined)[]): Answers =>
  Object.fromEntries(mains.flatMap((main, i) => (main ? [[`${POOL[i]}:26379`, `${main}\n6379`]] : [])));
const slave = (priority: number, keys = 0) => `role:slave\r\nslave_priority:${priority}\r\n#keys ${keys}`;

const dirs: string[] = [];
afterAll(() => dirs.forEach((dir) => fs.rmSync(dir, { recursive: true, force: true })));

/** Starts member 0; gives what redis-server was started with, or why it was not. */
function startMember(answers: Answers, files: { data?: boolean; startEmpty?: string } = {}) {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), "iacproject-member-"));
  dirs.push(dir);
  const put = (name: string, text: string) => {
    fs.mkdirSync(path.dirname(path.join(dir, name)), { recursive: true });
    fs.writeFileSync(path.join(dir, name), text, { mode: 0o755 });
  };
  writePod(dir, { pool: POOL, replace: { "TRIES=60": "TRIES=4" } });
  if (files.data) put("data/appendonlydir/appendonly.aof.1.incr.aof", "x");
  if (files.startEmpty) put("start-empty/on", files.startEmpty);
  for (const [from, said] of Object.entries(answers))
    [said].flat().forEach((text, i) => put(`says/${from}/${i}`, text));
  // answers one after the other; DBSIZE from the mark in what it says of itself
  put(
    "bin/redis-cli",
    `#!/bin/sh
read -r _auth; read -r asked
echo OK
d=${dir}/says/$2:$4
[ -d "$d" ] || exit 1
n=$(cat "$d.n" 2>/dev/null || echo 0)
[ -f "$d/$n" ] || n=$((n - 1))
echo $((n + 1)) >"$d.n"
case $asked in DBSIZE) sed -n 's/^#keys //p' "$d/$n" ;; *) cat "$d/$n" ;; esac
`,
  );
  put("bin/redis-server", '#!/bin/sh\necho "STARTED $*"\n');
  put("bin/getent", "#!/bin/sh\nexit 2\n");
  put("bin/sleep", "#!/bin/sh\n");
  const { status, stdout, stderr } = runScript(dir, ["start-member.sh"]);
  return { status, started: /STARTED (.*)/.exec(stdout)?.[1]?.replace(/^\S+ /, ""), said: stderr };
}

const announced = `--replica-announce-ip ${ME}`;

describe("a member of the main pool", () => {
  it("follows whom two Sentinels call main, and cannot be promoted before it has been linked", () => {
    expect(startMember(sentinels(undefined, SECOND, SECOND), { data: true }).started).toBe(
      `${announced} --replicaof ${SECOND} 6379 --replica-priority 0`,
    );
  });
  it("does not believe one Sentinel alone, nor three that disagree", () => {
    for (const said of [sentinels(ME), sentinels(ME, SECOND, THIRD)]) {
      const { status, said: why } = startMember(said, { data: true });
      expect(status).toBe(1);
      expect(why).toContain("no two Sentinels agree");
    }
  });
  it("is main again, with its data, where no other member could be", () => {
    const others = { [`${SECOND}:6379`]: slave(0, 7), [`${THIRD}:6379`]: slave(0, 7) };
    expect(startMember({ ...sentinels(ME, ME, ME), ...others }, { data: true }).started).toBe(
      `${announced} --replica-priority 0`,
    );
    expect(startMember(sentinels(ME, ME), { data: true }).started).toBe(`${announced} --replica-priority 0`);
  });
  it("waits while another can be promoted, then follows it", () => {
    const changing = { ...sentinels(ME, ME, ME), [`${SECOND}:26379`]: [ME, SECOND], [`${THIRD}:26379`]: [ME, SECOND] };
    const { started } = startMember({ ...changing, [`${SECOND}:6379`]: slave(100, 7) }, { data: true });
    expect(started).toBe(`${announced} --replicaof ${SECOND} 6379 --replica-priority 0`);
  });
  it("does not start as main where the other is never promoted, and says what it waits for", () => {
    const { status, said } = startMember(
      { ...sentinels(ME, ME, ME), [`${SECOND}:6379`]: slave(100, 7) },
      { data: true },
    );
    expect(status).toBe(1);
    expect(said).toContain("another member can be promoted");
  });
  it("starts empty at first, when all others have said that they are", () => {
    const others = { [`${SECOND}:6379`]: slave(0), [`${THIRD}:6379`]: slave(0) };
    expect(startMember({ ...sentinels(ME, ME, ME), ...others }).started).toBe(`${announced} --replica-priority 0`);
  });
  it("does not start empty while another holds keys, or does not say", () => {
    const one = startMember({ ...sentinels(ME, ME), [`${SECOND}:6379`]: slave(0, 7), [`${THIRD}:6379`]: slave(0) });
    expect(one.status).toBe(1);
    expect(one.said).toContain(`${SECOND} holds 7 keys, which an empty main would delete`);
    expect(one.said).toContain("create configmap redis-main-start-empty");
    const silent = startMember({ ...sentinels(ME, ME), [`${SECOND}:6379`]: slave(0) });
    expect(silent.status).toBe(1);
    expect(silent.said).toContain(`${THIRD} did not report whether it holds data`);
  });
  it("starts empty by permission of the day", () => {
    const today = new Date().toISOString().slice(0, 10);
    const held = { ...sentinels(ME, ME), [`${SECOND}:6379`]: slave(0, 7) };
    expect(startMember(held, { startEmpty: today }).started).toBe(`${announced} --replica-priority 0`);
    expect(startMember(held, { startEmpty: "2020-01-01" }).status).toBe(1);
  });
});
