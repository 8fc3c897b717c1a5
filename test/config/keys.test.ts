import { configKeys } from "../../config";

it("every key has its own variable and a description", () => {
  const keys = configKeys();
  expect(new Set(keys.map((k) => k.env)).size).toBe(keys.length);
  expect(keys.filter((k) => !k.description).map((k) => k.path)).toEqual([]);
});
