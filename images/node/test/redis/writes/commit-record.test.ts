/** Tests what each value of the commit record allows; main proves with this record that it is main. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { Connection } from "../../../src/redis/connection/connection";
import { NotReplicated, NotSent, Refused } from "../../../src/redis/connection/errors";
import type { MainSource } from "../../../src/redis/connection/main-source";
import { TimeoutClock } from "../../../src/redis/connection/timeout-clock";
import { CommitRecord } from "../../../src/redis/writes/commit-record";
import { Confirmation } from "../../../src/redis/writes/confirmation";
import { GroupCommit } from "../../../src/redis/writes/group-commit";
import { connect } from "../../helpers/connection";
import { eventually, freePort, hasRedis, Redis } from "../../helpers/redis";

describe.skipIf(!hasRedis)("a group of commands", () => {
  let main: Redis;
  let copy: Redis;
  let connection: Connection;
  let group: GroupCommit;
  const clock = new TimeoutClock();
  /** What the Sentinels report. */
  let epoch: number | undefined;
  let asked: number;
  const source = { epochOf: () => epoch, refused: () => void asked++ } as unknown as MainSource;

  beforeAll(async () => {
    main = await new Redis(await freePort()).start();
    copy = await new Redis(await freePort(), main.port).start();
  });
  afterAll(async () => {
    await copy.stop();
    await main.stop();
  });
  beforeEach(async () => {
    epoch = 5;
    asked = 0;
    main.cli("FLUSHALL");
    connection = await connect({ address: { host: "127.0.0.1", port: main.port }, clock });
    const confirmation = new Confirmation(connection, { copies: 1, to: "memory", timeoutMs: 2000, waitMs: 250 });
    const record = new CommitRecord(connection, source, confirmation);
    group = new GroupCommit(connection, record, confirmation, { timeoutMs: 2000 });
  });
  afterEach(async () => {
    copy.signal("SIGCONT");
    await connection.close();
    clock.stop();
  });

  const record = (redis = main) => redis.cli("-n", "1", "GET", "commit").trim();
  const put = (text: string) => void main.cli("-n", "1", "SET", "commit", text);
  const set = (key: string) => group.send((client) => client.set(key, "1"), true);
  const get = (key: string) => group.send((client) => client.get(key), false);

  it("establishes the epoch before the first group, and counts the groups", async () => {
    await set("a");
    expect(record()).toBe("5 1 5");
    await Promise.all([set("b"), set("c"), get("a")]);
    await get("a");
    expect(record()).toBe("5 3 5");
    expect(record(copy)).toBe("5 3 5");
    expect(main.cli("-n", "0", "KEYS", "*").trim().split("\n").sort()).toEqual(["a", "b", "c"]);
  });

  it("is confirmed although main has forgotten its scripts", async () => {
    await set("a");
    main.cli("SCRIPT", "FLUSH");
    await Promise.all([set("b"), get("a")]);
    await set("c");
    expect(record(copy)).toBe("5 3 5");
  });

  it("is not confirmed by a main that has forgotten its scripts and has been replaced", async () => {
    await set("a");
    main.cli("SCRIPT", "FLUSH");
    put("5 1 6");
    await expect(set("b")).rejects.toBeInstanceOf(NotReplicated);
    expect(record()).toBe("5 1 6");
  });

  it.each(["6 0 6", "4 9 6", "5 1 6", "rubbish", "5 1 5 x", "6 0 6 2"])(
    "is not sent to a main whose record is %s",
    async (text) => {
      put(text);
      await expect(set("a")).rejects.toBeInstanceOf(NotSent);
      expect([main.cli("EXISTS", "a").trim(), record(), asked]).toEqual(["0", text, 1]);
    },
  );

  it.each(["5 7 5", "4 7 5", "4 7 4", "", "5 7 5 3", "0 0 0 3"])(
    "is confirmed by a main whose record is %s",
    async (text) => {
      if (text) put(text);
      await set("a");
      const count = text.startsWith("5 7 5") ? 1000001 : 1;
      expect(record()).toBe(`5 ${count} 5${text.endsWith(" 3") ? " 3" : ""}`);
    },
  );

  it("has an unknown outcome if another main was promised after the last group, and a read in it is not answered", async () => {
    await set("a");
    put("5 1 6");
    const answers = await Promise.allSettled([set("b"), get("b")]);
    expect(answers.map(({ status }) => status)).toEqual(["rejected", "rejected"]);
    expect((answers[0] as PromiseRejectedResult).reason).toBeInstanceOf(NotReplicated);
    expect((answers[1] as PromiseRejectedResult).reason).not.toBeInstanceOf(NotReplicated);
    expect(asked).toBe(1);
    await expect(set("c")).rejects.toBeInstanceOf(NotSent);
    expect(main.cli("EXISTS", "c").trim()).toBe("0");
    // the Sentinels report that epoch as well
    epoch = 6;
    await set("c");
    expect(record()).toBe("6 1 6");
  });

  it("is not sent while no copy has promised, nor while main is elsewhere", async () => {
    copy.signal("SIGSTOP");
    await expect(set("a")).rejects.toBeInstanceOf(NotSent);
    expect([main.cli("EXISTS", "a").trim(), record()]).toEqual(["0", "0 0 5"]);
    copy.signal("SIGCONT");
    epoch = undefined;
    await expect(set("a")).rejects.toBeInstanceOf(NotSent);
    expect(main.cli("EXISTS", "a").trim()).toBe("0");
  });

  it("is not confirmed on a new connection, on which Redis has no write to wait for", async () => {
    await set("a");
    copy.signal("SIGSTOP");
    const answer = expect(set("b")).rejects.toBeInstanceOf(NotReplicated);
    await eventually("main to have it", () => main.cli("EXISTS", "b").trim() === "1");
    connection.reconnect();
    await answer;
  });

  it("has something to confirm even after a deletion that finds nothing", async () => {
    await set("a");
    copy.signal("SIGSTOP");
    await expect(group.send((client) => client.del("nothing"), true)).rejects.toBeInstanceOf(NotReplicated);
  });

  it("returns an error about the data once it is confirmed", async () => {
    await set("a");
    main.cli("LPUSH", "list", "x");
    await expect(get("list")).rejects.toMatchObject({ code: "WRONGTYPE" });
    copy.signal("SIGSTOP");
    await expect(get("list")).rejects.not.toBeInstanceOf(Refused);
  });
});
