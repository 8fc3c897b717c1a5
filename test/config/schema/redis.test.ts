import { parseQuantity, redisSizeProblems, sizeSentence } from "../../../config";
import { asQuantity, asRedisSize, redisBytes } from "../../../config/schema/sizes";
import { parse, refusal } from "../../helpers/refusal";

const GIB = 2 ** 30;
const roomy = { memoryLimit: "8Gi" };
const sentences = (input: object) => redisSizeProblems(parse(input).redis).map(sizeSentence).join("\n") || "fits";
const of = (redis: object) => sentences({ redis: { main: roomy, replica: roomy, ...redis } });

it("a configuration whose sizes cannot hold maxMemory is accepted, because an existing system may use it", () => {
  expect(refusal({ redis: { maxMemory: "4gb" } })).toBe("accepted");
});

describe("main's volume", () => {
  it("a volume is rejected if the append-only file and its rewrite would certainly fill it; one sentence states the value, the limit and the next step", () => {
    expect(of({ maxMemory: "1gb", storage: "2Gi" })).toBe(
      "redis.storage: with redis.maxMemory 1gb, the volume needs at least 3Gi but has 2Gi: the append-only file and its rewrite would fill it; " +
        "set redis.storage to 4Gi, or redis.maxMemory to at most 682mb",
    );
  });
  it("a volume is also rejected if its size is the default", () => {
    expect(of({ maxMemory: "1gb" })).toBe(
      "redis.storage: with redis.maxMemory 1gb, the volume needs at least 3Gi but has 1Gi: the append-only file and its rewrite would fill it; " +
        "set redis.storage to 4Gi, or redis.maxMemory to at most 341mb",
    );
  });
  it.each(["341mb", "256mb", "1mb"])("with its default size holds maxMemory %s", (maxMemory) => {
    expect(of({ maxMemory })).toBe("fits");
  });
  it("a volume is large enough with either change that the message proposes", () => {
    expect(of({ maxMemory: "1gb", storage: "4Gi" })).toBe("fits");
    expect(of({ maxMemory: "682mb", storage: "2Gi" })).toBe("fits");
  });
  it("a volume must have room for some 1 MB values, however small maxMemory is", () => {
    expect(of({ maxMemory: "16mb", storage: "100Mi" })).toMatch(/at least 256Mi but .* set redis\.storage to 256Mi$/);
  });
});

describe("memory", () => {
  it.each(["main", "replica"])(
    "the limit of %s must be at least twice maxMemory, to allow for a rewrite or a copy",
    (part) => {
      expect(of({ maxMemory: "256mb", [part]: { memoryLimit: "300Mi" } })).toBe(
        `redis.${part}.memoryLimit: must be at least 512Mi, twice redis.maxMemory (256mb), but is 300Mi: ` +
          "Redis would be killed while it rewrites or copies its data; raise it, or lower redis.maxMemory",
      );
      expect(of({ maxMemory: "256mb", [part]: { memoryLimit: "512Mi" } })).toBe("fits");
    },
  );
  it("memory must be limited: a maxMemory of 0 is rejected, because Redis interprets it as no limit", () => {
    expect(refusal({ redis: { maxMemory: "0mb" } })).toMatch(
      /^redis\.maxMemory: "0mb" is not accepted; .*such as "256mb"/,
    );
  });
});

describe("a request above its limit is refused", () => {
  it.each([
    [{ redis: { exporter: { memory: "1Gi" } } }, /^redis\.exporter\.memory: "1Gi" .*above memoryLimit \(96Mi\)/],
    [{ redis: { sentinel: { cpu: "1" } } }, /^redis\.sentinel\.cpu: "1" .*above cpuLimit \(200m\)/],
    [{ node: { resources: { cpu: "2", cpuLimit: "1500m" } } }, /^node\.resources\.cpu: "2" .*\(1500m\)/],
  ])("%j", (over, expected) => expect(refusal(over)).toMatch(expected));
});

describe("sizes", () => {
  it.each([
    ["1gb", GIB],
    ["256mb", GIB / 4],
    ["2kb", 2048],
  ])("%s is a number of bytes", (text, bytes) => expect(redisBytes(text)).toBe(bytes));
  it("sizes are rounded when printed, so that they parse as at least, or at most, the original value", () => {
    expect(parseQuantity(asQuantity(GIB + 1))).toBeGreaterThanOrEqual(GIB + 1);
    expect(asQuantity(3 * GIB)).toBe("3Gi");
    expect(redisBytes(asRedisSize(GIB - 1))).toBeLessThanOrEqual(GIB - 1);
  });
});
