import { mainConf } from "../../../modules/redis/conf";
import { parse } from "../../helpers/refusal";

const setting = (name: string, redis: object) =>
  new RegExp(`^${name} (.*)$`, "m").exec(mainConf(parse({ redis }).redis))?.[1];

describe("main's append-only file", () => {
  it("is rewritten before it has grown by half of the data", () => {
    expect(setting("auto-aof-rewrite-percentage", {})).toBe("50");
  });
  it("does not grow to Redis' default of 64 MiB if maxmemory is lower", () => {
    expect(setting("auto-aof-rewrite-min-size", { maxMemory: "32mb" })).toBe(String(8 * 2 ** 20));
    expect(setting("auto-aof-rewrite-min-size", { maxMemory: "300mb" })).toBe(String(64 * 2 ** 20));
  });
});
