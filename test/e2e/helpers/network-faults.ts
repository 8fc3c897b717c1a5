/** Faults on a cluster that affect the network between the API and Redis pods, or several components at once. */
import { dropPackets, type PacketRule, stallApi, stopFor } from "./chaos";
import type { Kind, KindsOptions, Roles } from "./redis-faults";
import { app, eventually, kube, redisCli } from "./system";

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** The options that these faults need in addition to those of redis-faults.ts. */
export interface NetworkOptions extends KindsOptions {
  readonly durability: string;
  readonly one: <T>(of: readonly T[]) => T;
  /** The API pods that the clients call. */
  readonly apis: () => readonly string[];
  readonly roles: () => Promise<Roles>;
}

const addressOf = (pod: string): Promise<string> =>
  eventually(`the address of pod ${pod}`, 60, async () => (await kube.get("pod", pod, app))?.status?.podIP as string);
const everything = (addresses: readonly string[]): PacketRule[] =>
  addresses.flatMap((address): PacketRule[] => [
    ["INPUT", "-s", address],
    ["OUTPUT", "-d", address],
  ]);
const isMember = (pod: string) => pod.startsWith("redis-main-");

/** A Service's address; empty if the Service does not exist or is headless. */
async function serviceAddress(name: string): Promise<string[]> {
  const address = (await kube.get("service", name, app))?.spec?.["clusterIP"] as string | undefined;
  return address && address !== "None" ? [address] : [];
}
/** A member's addresses: that of its pod, and that of its own Service. */
const addressesOf = async (pod: string): Promise<string[]> => [await addressOf(pod), ...(await serviceAddress(pod))];

/** These faults complement those in redis-faults.ts. */
export function networkFaults(options: NetworkOptions): readonly Kind[] {
  const { between, one, apis, roles, durability, onFreeze } = options;
  const lasting = async (ms: number, ...ends: (() => Promise<void>)[]) => {
    await pause(ms);
    for (const end of ends) await end();
  };
  const copies = async (main: string) => (await roles()).others.filter((pod) => isMember(pod) && pod !== main);
  // with `safe`, the API sends its packets to main's Service
  const toMain = async (main: string) => [...(await addressesOf(main)), ...(await serviceAddress("redis-main"))];
  const lost = (direction: "to" | "from") => async (main: string) => {
    const rules = (await toMain(main)).map((address): PacketRule =>
      direction === "to"
        ? ["OUTPUT", "-d", address, "-p", "tcp", "--dport", "6379"]
        : ["INPUT", "-s", address, "-p", "tcp", "--sport", "6379"],
    );
    const end = await dropPackets(one(apis()), rules);
    await lasting(between(1200, 20_000), end);
  };
  const cutFromCopies = async (main: string) => {
    const all = await Promise.all((await copies(main)).map(addressesOf));
    return dropPackets(main, everything(all.flat()));
  };
  const failOver = async () => {
    const member = one([0, 1, 2].map((i) => `redis-main-${i}`));
    await redisCli(member, ["-p", "26379", "SENTINEL", "FAILOVER", "main"]).catch(() => undefined);
  };
  const always: Kind[] = [
    { name: "commands of one API lost", main: true, times: 5, cause: lost("to") },
    { name: "answers to one API lost", main: true, times: 3, cause: lost("from") },
    { name: "API stalls", main: true, times: 3, cause: () => stallApi(one(apis()), between(2000, 8000)) },
    {
      name: "main hangs while an API stalls",
      main: true,
      times: 2,
      cause: async (main) => {
        const ms = between(3000, 6000);
        const from = Date.now();
        await Promise.all([stopFor(main, ms), stallApi(one(apis()), ms + 3000)]);
        onFreeze?.(from, Date.now());
      },
    },
  ];
  if (durability !== "ha") return always;
  return [
    ...always,
    {
      name: "main cut off from its copies only",
      main: true,
      times: 4,
      cause: async (main) => lasting(between(1000, 12_000), await cutFromCopies(main)),
    },
    {
      name: "main cut off together with an API",
      main: true,
      times: 4,
      cause: async (main) => {
        const [api, ...otherApis] = one([apis(), [...apis()].reverse()]);
        const away = (await Promise.all((await copies(main)).map(addressesOf))).flat();
        const otherAddresses = await Promise.all(otherApis.map(addressOf));
        const ends = [
          await dropPackets(main, everything([...away, ...otherAddresses])),
          await dropPackets(api!, everything(away)),
        ];
        await lasting(between(5000, 14_000), ...ends);
      },
    },
    {
      name: "Sentinels cut off from each other",
      main: true,
      times: 3,
      cause: async (main) => {
        const members = [main, ...(await copies(main))];
        const ends: (() => Promise<void>)[] = [];
        for (const member of members) {
          const from = (await Promise.all(members.filter((m) => m !== member).map(addressesOf))).flat();
          const rules = from.flatMap((address): PacketRule[] => [
            ["INPUT", "-s", address, "-p", "tcp", "--dport", "26379"],
            ["INPUT", "-s", address, "-p", "tcp", "--sport", "26379"],
          ]);
          ends.push(await dropPackets(member, rules));
        }
        await lasting(between(2000, 12_000), ...ends);
      },
    },
    { name: "failover forced", main: true, times: 4, cause: failOver },
    {
      name: "failover forced while main is cut off from its copies",
      main: true,
      times: 2,
      cause: async (main) => {
        const end = await cutFromCopies(main);
        await pause(between(500, 3000));
        await failOver();
        await lasting(between(500, 6000), end);
      },
    },
    {
      name: "a copy lost while main hangs",
      main: true,
      times: 3,
      cause: async (main) => {
        const from = Date.now();
        const copy = one(await copies(main));
        await Promise.all([
          stopFor(main, between(2000, 9000)),
          kube.raw(["-n", app, "delete", "pod", copy, "--wait=false", "--grace-period=0", "--force"]),
        ]);
        onFreeze?.(from, Date.now());
      },
    },
  ];
}
