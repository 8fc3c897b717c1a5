import { differences } from "../../../../scripts/maintenance/compare/differences";

const only = (before: unknown, after: unknown) => {
  const found = differences(before, after);
  expect(found).toHaveLength(1);
  return found[0]!;
};

describe("differences between synthesized layers", () => {
  it("finds none in equal layers", () => {
    expect(differences({ a: [{ b: "c" }] }, { a: [{ b: "c" }] })).toEqual([]);
  });

  it("names a changed value by its path, in which list entries appear by name", () => {
    const layer = (value: number) => ({
      containers: [
        { name: "api", port: 1 },
        { name: "redis", port: value },
      ],
    });
    expect(only(layer(1), layer(2))).toEqual({
      path: "containers.redis.port",
      kind: "other",
      before: "1",
      after: "2",
    });
  });

  it("reports an addition and a removal as separate changes", () => {
    expect(only({}, { a: 1 })).toMatchObject({ kind: "other", before: undefined, after: "1" });
    expect(only({ a: 1 }, {})).toMatchObject({ kind: "other", before: "1", after: undefined });
  });

  it("compares YAML and JSON inside strings by content", () => {
    const values = (n: number) => `replicas: ${n}\nname: api\n`;
    expect(only({ values: values(1) }, { values: values(2) }).path).toBe("values.replicas");
    expect(only({ d: '{"uid":"a","x":1}' }, { d: '{"uid":"a","x":2}' }).path).toBe("d.x");
  });

  it.each([
    ["checksum", { sum: "a".repeat(64) }, { sum: "b".repeat(64) }],
    ["text", { description: "old" }, { description: "new" }],
    ["comment", { script: "#!/bin/sh\n# old\nexit 0" }, { script: "#!/bin/sh\n# new\nexit 0" }],
    ["other", { script: "#!/bin/sh\n# old\nexit 0" }, { script: "#!/bin/sh\n# old\nexit 1" }],
    ["other", { script: "#!/bin/sh\nexit 0" }, { script: "#!/bin/bash\nexit 0" }],
    ["other", { name: "redis-main" }, { name: "redis-main-2" }],
  ])("calls it %s", (kind, before, after) => {
    expect(only(before, after).kind).toBe(kind);
  });
});
