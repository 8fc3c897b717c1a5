import { chosen } from "../../../scripts/commands/backup";

describe("a backup", () => {
  it("that is wanted back is found by its name or as the latest; another name is refused with those there are", () => {
    const there = [
      { name: "b.rdb", bytes: 2 },
      { name: "a.rdb", bytes: 1 },
    ];
    expect(chosen(there, "latest").name).toBe("b.rdb");
    expect(chosen(there, "a.rdb").bytes).toBe(1);
    expect(() => chosen(there, "c.rdb")).toThrow("There is no scheduled backup c.rdb; existing ones are b.rdb, a.rdb.");
    expect(() => chosen([], "latest")).toThrow("There is no scheduled backup yet.");
  });
});
