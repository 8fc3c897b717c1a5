import { configKeys } from "../../config";

it("every key has its own environment variable and a description", () => {
  const keys = configKeys();
  expect(new Set(keys.map((k) => k.env)).size).toBe(keys.length);
  expect(keys.filter((k) => !k.description).map((k) => k.path)).toEqual([]);
});

it("a key is nullable if and only if its default is null or its description explains null", () => {
  const said = configKeys().filter((k) => k.default === null || /; null: /.test(k.description));
  expect(configKeys().filter((k) => k.isNullable)).toEqual(said);
  expect(said.length).toBeGreaterThan(10);
});
