/** When main is certain although not all of its copies have confirmed. */
import { describe, expect, it } from "vitest";
import { LEASE_MS, PROBATION_MS, MainLease } from "../../../src/redis/writes/main-lease";

function tenure() {
  let now = 1000;
  const t = new MainLease(() => now);
  const go = (ms: number) => (now += ms);
  /** Main answers twice a second for `ms`. */
  const answers = (ms: number) => {
    for (let left = ms; left > 0; left -= 500) {
      go(500);
      t.seen(now);
    }
  };
  return { t, go, answers, at: () => now };
}

describe("main is certain", () => {
  it("not at first, because a failover may be in progress", () => {
    const { t, answers } = tenure();
    answers(PROBATION_MS - 500);
    expect(t.certain).toBe(false);
    answers(1000);
    expect(t.certain).toBe(true);
  });
  it("immediately after all copies have confirmed, until it is silent", () => {
    const { t, go, answers, at } = tenure();
    t.confirmedByAll(at());
    expect(t.certain).toBe(true);
    answers(10_000);
    expect(t.certain).toBe(true);
    go(LEASE_MS + 1);
    expect(t.certain).toBe(false);
  });
  it("no longer after a silence, until it has answered for long enough or all copies confirm again", () => {
    const { t, go, answers, at } = tenure();
    t.confirmedByAll(at());
    go(LEASE_MS + 1);
    t.seen(at());
    expect(t.certain).toBe(false);
    answers(PROBATION_MS + 500);
    expect(t.certain).toBe(true);
    go(LEASE_MS + 1);
    t.seen(at());
    expect(t.certain).toBe(false);
    t.confirmedByAll(at());
    expect(t.certain).toBe(true);
  });
  it("when Sentinel announces another main, but not when it announces the same one", () => {
    const { t, go, at } = tenure();
    t.announced("a");
    expect(t.certain).toBe(false);
    go(5000);
    t.announced("b");
    expect(t.certain).toBe(true);
    go(LEASE_MS + 1);
    t.announced("b");
    t.seen(at());
    expect(t.certain).toBe(false);
  });
  it("not because of an answer to a command sent before the silence", () => {
    const { t, go, at } = tenure();
    t.confirmedByAll(at());
    const asked = at();
    go(LEASE_MS + 1);
    t.seen(asked);
    expect(t.certain).toBe(false);
  });
});
