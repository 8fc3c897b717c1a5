import { configKeys } from "../../config";

it("give every key a variable of its own and a sentence", () => {
  const keys = configKeys();
  expect(new Set(keys.map((k) => k.env)).size).toBe(keys.length);
  expect(keys.filter((k) => !k.description).map((k) => k.path)).toEqual([]);
});
