/** Conditions under which a restore refuses to change anything, and which data takes precedence afterwards. */
import { checkMembers, nextGeneration } from "../../../scripts/commands/restore";

it("a restore needs every member of a Sentinel group, because a member that keeps its old data could become main", () => {
  expect(() => checkMembers(["redis-main-0", "redis-main-2"], 3)).toThrow(
    "redis-main-1 is not running, and would keep its old data; nothing was changed.",
  );
  expect(() => checkMembers(["redis-main-0", "redis-main-1", "redis-main-2"], 3)).not.toThrow();
});

it("with a single main, a restore needs only that pod, whatever other pods exist", () => {
  expect(() => checkMembers(["redis-main-0", "redis-main-1"], 1)).not.toThrow();
  expect(() => checkMembers([], 1)).toThrow("redis-main-0 is not running");
});

it("a restore makes the restored data newer than every member's data, whatever record the snapshot contains", () => {
  expect(nextGeneration([""])).toBe(1);
  expect(nextGeneration(["41 7 41", "30 1 30"])).toBe(1);
  expect(nextGeneration(["41 7 41 2", "", "30 1 30 5"])).toBe(6);
});
