/** Faults in a single component or network path; faults in several at once are in combined-faults.ts. */
import * as fs from "node:fs";
import * as path from "node:path";
import { pause } from "../lib";
import { during, failOver, freeze, handOver, others, sentinelsApart, stall, terminate, type World } from "./actions";
import { apiName } from "./apis";
import { empty, fill, mountSmallDisk, unmountSmallDisk } from "./disk";
import { apiAddress, apiNamespace, drop, everything, type Rule } from "./network";
import type { System } from "./system";

export interface Fault {
  readonly name: string;
  readonly modes: readonly System["mode"][];
  /** The pod that the fault hits: main, a copy, or usually main. */
  readonly hits: "main" | "copy" | "mostly main";
  readonly cause: (world: World, pod: number) => Promise<void>;
}

const BOTH = ["ha", "safe"] as const;
const HA = ["ha"] as const;
/** Drops either one API process's commands to main, or main's replies to that process. */
const lossyPath = (direction: "to" | "from") => async (world: World, main: number) => {
  const { system, apis, between } = world;
  const address = system.address(main);
  const rule: Rule =
    direction === "to"
      ? ["OUTPUT", "-d", address, "-p", "tcp", "--dport", "6379"]
      : ["INPUT", "-s", address, "-p", "tcp", "--sport", "6379"];
  const n = world.one([...Array(apis.count).keys()]);
  await during(between(1200, 20_000), drop(apiNamespace(n), [rule]));
};
const stepOf = (world: World) => world.one([-1, 1]) * world.one([1.5, 10, 600, 100_000]);

export const FAULTS: readonly Fault[] = [
  {
    name: "process killed",
    modes: BOTH,
    hits: "mostly main",
    cause: async ({ system }, pod) => system.signal(pod, "redis", "SIGKILL"),
  },
  {
    name: "pod frozen",
    modes: BOTH,
    hits: "mostly main",
    cause: (world, pod) => freeze(world, pod, world.between(500, 9000)),
  },
  {
    name: "link cut",
    modes: BOTH,
    hits: "mostly main",
    cause: async ({ system, between }, pod) => {
      system.link(pod, "down");
      await during(between(500, 9000), () => system.link(pod, "up"));
    },
  },
  {
    name: "pod lost",
    modes: BOTH,
    hits: "mostly main",
    cause: ({ system, between }, pod) => system.away(pod, between(500, 7000), "kept"),
  },
  {
    name: "pod and volume lost",
    modes: HA,
    hits: "mostly main",
    cause: ({ system, between }, pod) => system.away(pod, between(500, 7000), "lost"),
  },
  {
    name: "Sentinel killed",
    modes: HA,
    hits: "mostly main",
    cause: async ({ system }, pod) => system.signal(pod, "sentinel", "SIGKILL"),
  },
  {
    name: "SIGTERM",
    modes: BOTH,
    hits: "main",
    cause: async (world, pod) => {
      await handOver(world, pod);
      await terminate(world, pod, 5000);
    },
  },
  { name: "commands of one API lost", modes: BOTH, hits: "main", cause: lossyPath("to") },
  { name: "answers to one API lost", modes: BOTH, hits: "main", cause: lossyPath("from") },
  {
    name: "main cut off from its copies only",
    modes: HA,
    hits: "main",
    cause: async (world, main) => {
      const { system } = world;
      const cut = drop(system.namespace(main), everything(others(world, main).map(system.address)));
      await during(world.between(1000, 12_000), cut);
    },
  },
  {
    name: "main cut off together with an API",
    modes: HA,
    hits: "main",
    cause: async (world, main) => {
      const { system, apis } = world;
      const n = world.one([...Array(apis.count).keys()]);
      const away = others(world, main).map(system.address);
      const otherApis = [...Array(apis.count).keys()].filter((i) => i !== n).map(apiAddress);
      await during(
        world.between(5000, 14_000),
        drop(system.namespace(main), everything([...away, ...otherApis])),
        drop(apiNamespace(n), everything(away)),
      );
    },
  },
  {
    name: "Sentinels cut off from each other",
    modes: HA,
    hits: "main",
    cause: (world) => during(world.between(2000, 12_000), ...sentinelsApart(world)),
  },
  { name: "failover forced", modes: HA, hits: "main", cause: async (world) => failOver(world) },
  {
    name: "hand-over whose CONFIG SET is lost",
    modes: HA,
    hits: "main",
    cause: async (world, main) => {
      const found = world.programs.lose(world.system.podName(main), "CONFIG SET min-replicas-to-write 1000");
      try {
        await handOver(world, main);
      } finally {
        found();
      }
      await terminate(world, main, 5000);
    },
  },
  {
    name: "SIGTERM while the hand-over is refused",
    modes: HA,
    hits: "main",
    cause: async (world, main) => {
      const ends = sentinelsApart(world);
      try {
        await handOver(world, main);
        await terminate(world, main, 5000);
      } finally {
        for (const end of ends) end();
      }
    },
  },
  {
    name: "SIGTERM while snapshots fail",
    modes: BOTH,
    hits: "mostly main",
    cause: async (world, pod) => {
      // Redis cannot rename a finished snapshot to a name that a folder already has
      const blocker = path.join(world.system.volume(pod), "dump.rdb");
      fs.rmSync(blocker, { force: true });
      fs.mkdirSync(blocker, { recursive: true });
      try {
        world.system.redisCli(pod, "BGSAVE");
        await pause(3000);
        await handOver(world, pod);
        await terminate(world, pod, 8000);
      } finally {
        fs.rmSync(blocker, { recursive: true, force: true });
      }
    },
  },
  {
    name: "API stalls",
    modes: BOTH,
    hits: "main",
    cause: (world) => stall(world, world.one([...Array(world.apis.count).keys()]), world.between(2000, 8000)),
  },
  {
    name: "clock of Redis steps",
    modes: BOTH,
    hits: "mostly main",
    cause: async (world, pod) => {
      const name = `${world.system.podName(pod)}-redis`;
      world.programs.stepClock(name, stepOf(world));
      await during(world.between(1000, 8000), () => world.programs.stepClock(name, 0));
    },
  },
  {
    name: "clock of a Sentinel steps",
    modes: HA,
    hits: "mostly main",
    cause: async (world, pod) => {
      const name = `${world.system.podName(pod)}-sentinel`;
      world.programs.stepClock(name, stepOf(world));
      await during(world.between(1000, 8000), () => world.programs.stepClock(name, 0));
    },
  },
  {
    name: "clock of an API steps",
    modes: BOTH,
    hits: "main",
    cause: async (world) => {
      const name = apiName(world.one([...Array(world.apis.count).keys()]));
      world.programs.stepClock(name, stepOf(world));
      await during(world.between(1000, 8000), () => world.programs.stepClock(name, 0));
    },
  },
  ...(["copy", "main"] as const).map((hits): Fault => ({
    name: `disk of ${hits === "main" ? "main" : "a copy"} full`,
    modes: BOTH,
    hits,
    cause: async ({ system, between }, pod) => {
      const volume = system.volume(pod);
      const started = system.away(pod, 1500, "kept");
      await pause(1000);
      mountSmallDisk(volume);
      await started;
      await pause(6000);
      fill(volume);
      await pause(between(3000, 8000));
      empty(volume);
      await pause(between(500, 3000));
      const back = system.away(pod, 1500, "kept");
      await pause(1000);
      unmountSmallDisk(volume);
      await back;
    },
  })),
];
