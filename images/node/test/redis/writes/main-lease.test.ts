/** When a main may be believed that not all of its copies confirm. */
import { describe, expect, it } from "vitest";
import { LEASE_MS, PROBATION_MS, MainLease } from "../../../src/redis/writes/main-lease";

function tenure() {
  let now = 1000;
  const t = new MainLease(() => now);
  const go = (ms: number) => (now += ms);
  /** Main answers twice a second for so long. */
  const answers = (ms: number) => {
    for (let left = ms; left > 0; left -= 500) {
      go(500);
      t.seen(now);
    }
  };
  return { t, go, answers, at: () => now };
}

describe("main is certain", () => {
  it("not at first: it may be on its way out", () => {
    const { t, answers } = tenure();
    answers(PROBATION_MS - 500);
    expect(t.certain).toBe(false);
    answers(1000);
    expect(t.certain).toBe(true);
  });
  it("at once when all copies confirmed, for as long as it is not silent", () => {
    const { t, go, answers, at } = tenure();
    t.confirmedByAll(at());
    expect(t.certain).toBe(true);
    answers(10_000);
    expect(t.certain).toBe(true);
    go(LEASE_MS + 1);
    expect(t.certain).toBe(false);
  });
  it("no more after a silence, until it has been heard of for long, or all copies confirm again", () => {
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
  it("when Sentinel names another than before, not when it names the same again", () => {
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
  it("not by an answer to what was asked before the silence", () => {
    const { t, go, at } = tenure();
    t.confirmedByAll(at());
    const asked = at();
    go(LEASE_MS + 1);
    t.seen(asked);
    expect(t.certain).toBe(false);
  });
});
