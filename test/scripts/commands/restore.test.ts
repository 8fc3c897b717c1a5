/** What a restore refuses before it changes anything, and which data wins afterwards. */
import { checkMembers, nextGeneration } from "../../../scripts/commands/restore";

it("needs every member of a Sentinel group, because one that keeps its old data could become main", () => {
  expect(() => checkMembers(["redis-main-0", "redis-main-2"], 3)).toThrow(
    "redis-main-1 does not run, and would keep its old data; nothing was changed.",
  );
  expect(() => checkMembers(["redis-main-0", "redis-main-1", "redis-main-2"], 3)).not.toThrow();
});

it("needs the single main alone, whatever other pods are there", () => {
  expect(() => checkMembers(["redis-main-0", "redis-main-1"], 1)).not.toThrow();
  expect(() => checkMembers([], 1)).toThrow("redis-main-0 does not run");
});

it("makes the restored data newer than that of every member, whatever the snapshot's own record is", () => {
  expect(nextGeneration([""])).toBe(1);
  expect(nextGeneration(["41 7 41", "30 1 30"])).toBe(1);
  expect(nextGeneration(["41 7 41 2", "", "30 1 30 5"])).toBe(6);
});
