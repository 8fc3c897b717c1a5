import { newestFirst } from "../../../scripts/redis/backup-volume";

describe("the list of backups", () => {
  const sizes = ["  10 ./2026-03-01.rdb", "  20 ./2026-02-01.rdb", "  30 ./2031-01-01.rdb", "  60 total"].join("\n");
  const names = (order: string) => newestFirst(sizes, order).map((b) => b.name);

  it("begins with the latest backup, even if the clock was fast when an earlier one was made", () => {
    expect(names("2031-01-01.rdb\n2026-02-01.rdb\n2026-03-01.rdb\n")).toEqual([
      "2026-03-01.rdb",
      "2026-02-01.rdb",
      "2031-01-01.rdb",
    ]);
  });

  it("ends with those that were made before the order was recorded, newest name first", () => {
    expect(names("")).toEqual(["2031-01-01.rdb", "2026-03-01.rdb", "2026-02-01.rdb"]);
    expect(names("2026-02-01.rdb\n")).toEqual(["2026-02-01.rdb", "2031-01-01.rdb", "2026-03-01.rdb"]);
  });

  it("has the size of each", () => {
    expect(newestFirst(sizes, "2026-02-01.rdb\n")[0]).toEqual({ name: "2026-02-01.rdb", bytes: 20 });
  });
});
