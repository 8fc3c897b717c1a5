import { benches } from "../../../scripts/maintenance/bench";

it("every benchmark says in a sentence what it measures", () => {
  expect([...benches().keys()].sort()).toEqual([
    "api",
    "clients",
    "durability",
    "items",
    "join",
    "ledger",
    "memory",
    "page",
    "reaction",
    "targets",
  ]);
  for (const what of benches().values()) expect(what).toMatch(/^[A-Z`].*\.$/);
});
