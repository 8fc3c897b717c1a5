/** Discovery by DNS. */
import { expect, it } from "vitest";
import { DnsSource } from "../../src/discovery/dns";
import type { Member } from "../../src/discovery/source";
import { eventually } from "../helpers/redis";

it("DNS gives one member per address, without duplicates", async () => {
  let seen: readonly Member[] = [];
  const source = new DnsSource({ host: "localhost", port: 7000 }, 50);
  source.start((m) => (seen = m));
  await eventually("an answer", () => seen.length > 0);
  source.stop();
  expect(seen).toEqual([
    { name: expect.stringMatching(/:7000$/) as string, host: expect.any(String) as string, port: 7000 },
  ]);
});
