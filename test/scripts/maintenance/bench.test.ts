import { benches } from "../../../scripts/maintenance/bench";

it("every benchmark states in a sentence what it measures", () => {
  expect([...benches().keys()].sort()).toEqual([
    "api",
    "clients",
    "durability",
    "history",
    "items",
    "join",
    "ledger",
    "memory",
    "page",
    "reaction",
    "targets",
  ]);
  for (const description of benches().values()) expect(description).toMatch(/^[A-Z`].*\.$/);
});
