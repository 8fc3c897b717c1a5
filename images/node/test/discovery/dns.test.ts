/** Tests discovery by DNS. */
import { expect, it } from "vitest";
import { DnsSource } from "../../src/discovery/dns";
import type { Member } from "../../src/discovery/source";
import { eventually } from "../helpers/redis";

it("DNS discovery finds one member per address, without duplicates", async () => {
  let seen: readonly Member[] = [];
  const source = new DnsSource({ host: "localhost", port: 7000 }, 50);
  source.start(
    (m) => (seen = m),
    () => undefined,
  );
  await eventually("an answer", () => seen.length > 0);
  source.stop();
  expect(seen).toEqual([
    { name: expect.stringMatching(/:7000$/) as string, host: expect.any(String) as string, port: 7000 },
  ]);
});

it("DNS discovery counts as lost after some failed lookups", async () => {
  let lost = 0;
  const source = new DnsSource({ host: "no-such-name.invalid", port: 7000 }, 1);
  source.start(
    () => undefined,
    () => lost++,
  );
  await eventually("the loss", () => lost === 1);
  source.stop();
});
