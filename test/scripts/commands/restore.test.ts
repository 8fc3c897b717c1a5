/** Conditions under which a restore refuses to change anything, and which data wins afterwards. */
import { checkMembers, nextGeneration } from "../../../scripts/commands/restore";

it("needs every member of a Sentinel group, because one that keeps its old data could become main", () => {
  expect(() => checkMembers(["redis-main-0", "redis-main-2"], 3)).toThrow(
    "redis-main-1 is not running, and would keep its old data; nothing was changed.",
  );
  expect(() => checkMembers(["redis-main-0", "redis-main-1", "redis-main-2"], 3)).not.toThrow();
});

it("needs only the single main, whatever other pods exist", () => {
  expect(() => checkMembers(["redis-main-0", "redis-main-1"], 1)).not.toThrow();
  expect(() => checkMembers([], 1)).toThrow("redis-main-0 is not running");
});

it("makes the restored data newer than that of every member, whatever the snapshot's own record is", () => {
  expect(nextGeneration([""])).toBe(1);
  expect(nextGeneration(["41 7 41", "30 1 30"])).toBe(1);
  expect(nextGeneration(["41 7 41 2", "", "30 1 30 5"])).toBe(6);
});
