/** Tests that main is the instance that the majority of the Sentinels reports. */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { MainLocator } from "../../../src/redis/connection/main-locator";
import type { MainAddress } from "../../../src/redis/connection/main-source";
import { TimeoutClock } from "../../../src/redis/connection/timeout-clock";
import { FakeSentinel } from "../../helpers/fake-sentinel";
import { eventually, pause } from "../../helpers/redis";

describe("the main locator", () => {
  let sentinels: FakeSentinel[];
  let locator: MainLocator;
  let changes: MainAddress[];
  const clock = new TimeoutClock();
  // the last digit of an epoch identifies the member, here always the first one, because all have the same host
  const main = (port: number, configEpoch: number) => ({ host: "127.0.0.1", port, epoch: configEpoch * 10 });
  const name = (...mains: readonly (readonly [port: number, epoch: number])[]) =>
    mains.forEach(([mainPort, epoch], i) => Object.assign(sentinels[i]!, { mainPort, epoch }));
  /** All have answered after this moment. */
  const asked = async () => {
    const before = sentinels.map(({ answers }) => answers);
    locator.ask();
    await eventually("the Sentinels to answer twice", () => sentinels.every((s, i) => s.answers >= before[i]! + 2));
  };

  beforeEach(async () => {
    sentinels = await Promise.all([1, 2, 3].map(() => new FakeSentinel().start()));
    changes = [];
    locator = new MainLocator(
      { sentinels: sentinels.map(({ port }) => ({ host: "127.0.0.1", port })), name: "main" },
      {
        login: undefined,
        tls: undefined,
        connectTimeoutMs: 300,
        intervalMs: 100,
        clock,
        onChange: (found) => changes.push(found),
      },
    );
  });
  afterEach(async () => {
    await locator.close();
    clock.stop();
    await Promise.all(sentinels.map((s) => s.stop()));
  });

  it("returns the main that two of three Sentinels report, not the one that the first to answer reports", async () => {
    name([1001, 1], [1002, 2], [1002, 2]);
    locator.open();
    expect(await locator.address()).toEqual(main(1002, 2));
    await asked();
    expect([changes, locator.epochOf(main(1002, 0)), locator.epochOf(main(1001, 0))]).toEqual([
      [main(1002, 2)],
      20,
      undefined,
    ]);
  });

  it("returns no main as long as only one Sentinel reports it, or two disagree about its epoch", async () => {
    name([1001, 1], [0, 0], [0, 0]);
    locator.open();
    await expect(locator.address()).rejects.toThrow("no two Sentinels");
    name([1001, 1], [1001, 2]);
    await asked();
    await expect(locator.address()).rejects.toThrow("no two Sentinels");
  });

  it("never gives two mains the same epoch, even if Sentinels do", async () => {
    await locator.close();
    // resolved by name here, so that the hosts differ
    const hosts = ["127.0.0.1", "localhost", "127.0.0.1"];
    locator = new MainLocator(
      { sentinels: sentinels.map(({ port }, i) => ({ host: hosts[i]!, port })), name: "main" },
      {
        login: undefined,
        tls: undefined,
        connectTimeoutMs: 300,
        intervalMs: 100,
        clock,
        onChange: (m) => changes.push(m),
      },
    );
    sentinels.forEach((s) => Object.assign(s, { mainPort: 1002, epoch: 7, mainHost: "127.0.0.1" }));
    locator.open();
    expect((await locator.address()).epoch).toBe(70);
    sentinels.forEach((s) => Object.assign(s, { mainHost: "localhost" }));
    await asked();
    expect(locator.epochOf({ host: "localhost", port: 1002 })).toBe(71);
  });

  it("returns another main soon after two Sentinels report it", async () => {
    await locator.close();
    locator = new MainLocator(
      { sentinels: sentinels.map(({ port }) => ({ host: "127.0.0.1", port })), name: "main" },
      {
        login: undefined,
        tls: undefined,
        connectTimeoutMs: 300,
        // never by itself within this test
        intervalMs: 600_000,
        clock,
        onChange: (found) => changes.push(found),
      },
    );
    name([1001, 1], [1001, 1], [1001, 1]);
    locator.open();
    await locator.address();
    await eventually("the locator to listen", () => sentinels.every((s) => s.listeners === 1));
    sentinels[0]!.reportFailover(1002, 2);
    await pause(200);
    expect(locator.agreed).toEqual(main(1001, 1));
    sentinels[1]!.reportFailover(1002, 2);
    await eventually("the new main", () => locator.agreed?.port === 1002);
    expect(changes).toEqual([main(1001, 1), main(1002, 2)]);
  });

  it("returns another main even if no message arrives", async () => {
    name([1001, 1], [1001, 1], [1001, 1]);
    locator.open();
    await locator.address();
    name([1001, 1], [1002, 2], [1002, 2]);
    await eventually("the new main", () => locator.agreed?.port === 1002);
  });

  it("also learns of another main from a Sentinel that has restarted", async () => {
    name([1001, 1], [1001, 1], [1001, 1]);
    locator.open();
    await locator.address();
    await sentinels[0]!.stop();
    await sentinels[0]!.start();
    await eventually("the locator to listen again", () => sentinels[0]!.listeners === 1);
    await sentinels[2]!.stop();
    for (const sentinel of sentinels.slice(0, 2)) sentinel.reportFailover(1002, 2);
    await eventually("the new main", () => locator.agreed?.port === 1002);
  });

  it("returns the last known main as long as no other is reported, so that losing two Sentinels stops no writes", async () => {
    name([1001, 1], [1001, 1], [1001, 1]);
    locator.open();
    await locator.address();
    await Promise.all(sentinels.slice(1).map((s) => s.stop()));
    sentinels[0]!.reportFailover(1002, 2);
    await pause(300);
    expect(await locator.address()).toEqual(main(1001, 1));
    await Promise.all(sentinels.slice(1).map((s) => s.start()));
  });
});
