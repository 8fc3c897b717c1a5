/** Faults in several components at once. */
import { pause } from "../lib";
import { failOver, freeze, others, stall, terminate, type World } from "./actions";
import { type Fault, FAULTS } from "./faults";
import { apiNamespace, drop, everything } from "./network";

const apisOf = ({ apis }: World) => [...Array(apis.count).keys()];

/** Faults that may overlap with another one: they end by themselves, and do not need any other component to work. */
const TOGETHER = [
  "process killed",
  "pod frozen",
  "link cut",
  "Sentinel killed",
  "commands of one API lost",
  "answers to one API lost",
  "main cut off from its copies only",
  "failover forced",
  "API stalls",
  "clock of Redis steps",
];

const COMBINED: readonly Fault[] = [
  {
    name: "power cut of all, one volume lost",
    modes: ["ha"],
    hits: "mostly main",
    cause: async ({ system, between }, pod) => {
      const all = Array.from({ length: system.size }, (_, i) => i);
      await Promise.all(all.map((i) => system.away(i, between(1000, 4000), i === pod ? "lost" : "kept")));
    },
  },
  {
    name: "power cut of all",
    modes: ["ha", "safe"],
    hits: "main",
    cause: async ({ system, between }) => {
      const all = Array.from({ length: system.size }, (_, i) => i);
      await Promise.all(all.map((i) => system.away(i, between(1000, 4000), "kept")));
    },
  },
  {
    name: "a copy lost while main hangs",
    modes: ["ha"],
    hits: "main",
    cause: async (world, main) => {
      const ms = world.between(2000, 9000);
      await Promise.all([
        freeze(world, main, ms),
        world.system.away(world.one(others(world, main)), ms * world.between(0.3, 1.5), world.one(["kept", "lost"])),
      ]);
    },
  },
  {
    name: "main hangs while the APIs stall",
    modes: ["ha", "safe"],
    hits: "main",
    cause: async (world, main) => {
      const ms = world.between(3000, 6000);
      await Promise.all([freeze(world, main, ms), ...apisOf(world).map((n) => stall(world, n, ms + 3000))]);
    },
  },
  {
    name: "failover forced while main is cut off from a copy",
    modes: ["ha"],
    hits: "main",
    cause: async (world, main) => {
      const { system } = world;
      const end = drop(system.namespace(main), everything([system.address(world.one(others(world, main)))]));
      try {
        await pause(world.between(500, 4000));
        failOver(world);
        await pause(world.between(500, 6000));
      } finally {
        end();
      }
    },
  },
  {
    name: "main killed while one API's commands are lost",
    modes: ["ha", "safe"],
    hits: "main",
    cause: async (world, main) => {
      const { system } = world;
      const end = drop(apiNamespace(world.one(apisOf(world))), everything([system.address(main)]));
      try {
        await pause(world.between(500, 2500));
        await terminate(world, main, 0);
        await pause(world.between(1000, 8000));
      } finally {
        end();
      }
    },
  },
  {
    name: "two faults",
    modes: ["ha", "safe"],
    hits: "mostly main",
    cause: async (world, pod) => {
      const { mode } = world.system;
      const able = FAULTS.filter((f) => TOGETHER.includes(f.name) && f.modes.includes(mode));
      const [first, second] = [world.one(able), world.one(able)];
      const victim = second.hits === "mostly main" ? world.one(others(world, pod)) : pod;
      await Promise.all([
        first.cause(world, pod),
        pause(world.between(0, 3000)).then(() => second.cause(world, victim)),
      ]);
    },
  },
];

/** All faults of a mode. @param clocks whether clocks can be changed on this machine */
export const faultsOf = (mode: "ha" | "safe", clocks: boolean): Fault[] =>
  [...FAULTS, ...COMBINED].filter((f) => f.modes.includes(mode) && (clocks || !f.name.startsWith("clock")));
