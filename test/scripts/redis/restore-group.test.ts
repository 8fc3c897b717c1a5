/** A restore of the Sentinel group, whose command is killed and whose members restart at any step; with real Redis processes. */
import { swap } from "../../../scripts/redis/restore-members";
import type { Step } from "../../../scripts/terminal/ui";
import { hasMembers, MEMBERS, type Member } from "../../helpers/redis-members";
import { RestoredMembers } from "../../helpers/restored-members";

if (!hasMembers) console.warn("SKIPPED: a restore of the group: redis-server is not installed, or this is not Linux");
const suite = hasMembers ? describe : describe.skip;
const step = { doing: () => undefined } as unknown as Step;

suite("a restore of the Sentinel group", () => {
  let group: RestoredMembers;
  let network = 0;
  beforeEach(async () => {
    group = new RestoredMembers(network++ % 10);
    await group.startAll();
    await group.upload();
  });
  afterEach(() => group.stop());

  const restore = () =>
    swap(
      group.kube,
      group.pods,
      MEMBERS.map((i) => group.record(i)),
      1,
      step,
    );
  const hasSnapshot = (i: Member) => group.cli(i, "GET", "from") === "snapshot" && group.cli(i, "GET", "before") === "";
  const all = (condition: (i: Member) => boolean) => MEMBERS.every(condition);
  /** Kills the command before the given call. */
  const killedAt = async (call: string) => {
    group.killedAt = (next) => next === call;
    void restore();
    await group.until(call, () => group.calls.includes(call));
  };
  const restart = async (i: Member) => {
    await group.kill(i, "redis");
    group.startMember(i);
    await group.until(`member ${i}`, () => group.cli(i, "PING") === "PONG");
  };

  it("reaches all members, which then confirm writes again", async () => {
    await restore();
    expect(group.calls).toEqual(["arm 0", "arm 1", "arm 2", "seal 0"]);
    expect(all(hasSnapshot)).toBe(true);
    expect(MEMBERS.map((i) => group.record(i))).toEqual(Array(3).fill("0 0 0 1"));
    await group.until("the links", () => group.linked(1) && group.linked(2));
    await group.until("a write", () => group.write("after"));
    for (const i of MEMBERS) expect([i, group.files(i)]).toEqual([i, ["before"]]);
  }, 120_000);

  it.each(["arm 1", "seal 0"])(
    "whose command is killed before its step %s is given up, even if a member restarts while its network fails",
    async (call) => {
      await killedAt(call);
      expect(group.write("acknowledged")).toBe(true);
      for (const i of [1, 0] as const) {
        group.isolate(i, true);
        await restart(i);
        await new Promise((resolve) => setTimeout(resolve, 2000));
        group.isolate(i, false);
        await group.until("the links", () => group.linked(1) && group.linked(2));
        await group.until("a write", () => group.write(`after-${i}`));
      }
      for (const i of MEMBERS) {
        expect([i, group.cli(i, "GET", "acknowledged"), group.cli(i, "GET", "from")]).toEqual([i, "1", ""]);
        expect(group.record(i)).toMatch(/^80 \d+ 80$/);
      }
    },
    180_000,
  );

  describe("whose command is killed after it has begun", () => {
    /** Kills the command once main has made its promise. */
    const begin = async () => {
      group.killedAt = (next) => {
        if (next === "seal 0") onSeal();
        return next === "query" && group.calls.includes("seal 0");
      };
      void restore();
      await group.until("the promise", () => group.calls.includes("seal 0"));
    };
    let onSeal: () => void;
    beforeEach(() => {
      onSeal = () => undefined;
    });
    /** Writes until every member has the restored data; every write confirmed meanwhile must be part of it. */
    const completed = async () => {
      const confirmed: string[] = [];
      let n = 0;
      await group.until("the restored data", () => {
        if (group.write(`w-${n}`)) confirmed.push(`w-${n}`);
        n++;
        return all(hasSnapshot);
      });
      await group.until("a write", () => group.write("after"));
      // the last write, after which nothing that was confirmed before is still on its way to a copy
      await group.until("the copies", () => all((i) => group.cli(i, "GET", "after") === "1"));
      for (const i of MEMBERS)
        expect([i, confirmed.filter((key) => group.cli(i, "GET", key) !== "1")]).toEqual([i, []]);
      for (const i of MEMBERS) expect(group.record(i)).toMatch(/ 1$/);
    };

    it("is completed by the members", async () => {
      await begin();
      expect(group.write("not confirmed")).toBe(false);
      await completed();
    }, 120_000);

    it("is completed after a power failure of all members", async () => {
      // no guard acts before the power failure
      for (const i of MEMBERS) group.isolate(i, true);
      await begin();
      await group.until("a copy with the promise", () => /^80 \d+ \d{16}$/.test(group.record(1)));
      for (const i of MEMBERS) await group.kill(i, "redis");
      for (const i of MEMBERS) group.startMember(i);
      await group.until("member 0", () => group.cli(0, "PING") === "PONG");
      expect(group.write("not confirmed")).toBe(false);
      for (const i of MEMBERS) group.isolate(i, false);
      await completed();
    }, 120_000);

    it("keeps its snapshots, although the next restore fails", async () => {
      for (const i of [1, 2] as const) group.cli(i, "CONFIG", "SET", "appendonly", "no");
      await begin();
      await group.until("the promise on a copy", () => /^80 \d+ \d{16}$/.test(group.record(1)));
      await group.upload();
      group.killedAt = () => false;
      await expect(restore()).rejects.toThrow("an earlier restore has begun");
      for (const i of MEMBERS) expect(group.files(i)).toEqual(["next.generation", "next.id", "next.rdb"]);
      group.cli(1, "CONFIG", "SET", "appendonly", "yes");
      await completed();
    }, 120_000);

    it("waits for a member that has the promise on its disk", async () => {
      for (const i of [1, 2] as const) group.cli(i, "CONFIG", "SET", "appendonly", "no");
      await begin();
      await group.until("the promise on a copy", () => /^80 \d+ \d{16}$/.test(group.record(1)));
      await new Promise((resolve) => setTimeout(resolve, 3000));
      expect(MEMBERS.map((i) => group.files(i).includes("next.committed"))).toEqual([false, false, false]);
      group.cli(1, "CONFIG", "SET", "appendonly", "yes");
      await completed();
    }, 120_000);

    it.each([1, 2] as const)(
      "reaches member %i, which was unavailable meanwhile",
      async (i) => {
        onSeal = () => void group.kill(i, "redis");
        await begin();
        const rest = MEMBERS.filter((other) => other !== i);
        await group.until("the restored data on the others", () => rest.every(hasSnapshot));
        await group.until("a write", () => group.write("w"));
        // its network fails at first
        group.isolate(i, true);
        group.startMember(i);
        await group.until(`member ${i}`, () => group.cli(i, "PING") === "PONG");
        await new Promise((resolve) => setTimeout(resolve, 1500));
        group.isolate(i, false);
        await completed();
        expect(group.cli(i, "GET", "w")).toBe("1");
      },
      120_000,
    );
  });
});
