/** Sizes that cannot hold maxMemory, on a new and on an existing system. */
import { checkRedisSizes } from "../../../scripts/deploy/redis-sizes";
import { testConfig } from "../../helpers/layers";

const check = (redis: object, volume?: string) => checkRedisSizes(testConfig({ redis }).redis, volume);
const thrown = (work: () => unknown): unknown => {
  try {
    return work();
  } catch (error) {
    return error;
  }
};
const roomy = { main: { memoryLimit: "8Gi" }, replica: { memoryLimit: "8Gi" } };

describe("a new system", () => {
  it("a new system is refused if maxMemory would fill its volume; one sentence states the reason and the next step", () => {
    expect(thrown(() => check({ ...roomy, maxMemory: "1gb", storage: "2Gi" }))).toMatchObject({
      message:
        "redis.storage: with redis.maxMemory 1gb, the volume needs at least 3Gi but has 2Gi: the append-only file and its rewrite would fill it. Nothing was changed.",
      next: "set redis.storage to 4Gi, or redis.maxMemory to at most 682mb",
    });
  });
  it("is refused with all problems at once", () => {
    expect(() => check({ maxMemory: "4gb" })).toThrow(
      /^redis\.storage: .*\nredis\.main\.memoryLimit: .*\nredis\.replica\.memoryLimit: .*Nothing was changed\.$/,
    );
  });
  it("is deployed with the defaults", () => {
    expect(check({})).toEqual([]);
  });
});

describe("an existing system", () => {
  it("an existing system is deployed even if its volume is too small, with a warning that states how to fix it", () => {
    expect(check({ ...roomy, maxMemory: "1gb" }, "1Gi")).toEqual([
      expect.stringMatching(
        /^redis\.storage: .*at least 3Gi but has 1Gi.*set redis\.storage to 4Gi, or redis\.maxMemory to at most 341mb$/,
      ),
    ]);
  });
  it("an existing system is deployed even if its memory limit is too small, with a warning", () => {
    expect(check({ main: { memoryLimit: "300Mi" } }, "1Gi")).toEqual([
      expect.stringMatching(/^redis\.main\.memoryLimit: must be at least 512Mi/),
    ]);
  });
  it("an existing system is judged by its actual volume, whatever the value of redis.storage", () => {
    expect(check({ ...roomy, maxMemory: "1gb", storage: "1Gi" }, "4Gi")).toEqual([]);
  });
});
