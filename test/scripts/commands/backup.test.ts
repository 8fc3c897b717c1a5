import { chosen } from "../../../scripts/commands/backup";

describe("a backup", () => {
  it("a backup can be selected by name or as the latest one; for an unknown name, the error lists the available backups", () => {
    const available = [
      { name: "b.rdb", bytes: 2 },
      { name: "a.rdb", bytes: 1 },
    ];
    expect(chosen(available, "latest").name).toBe("b.rdb");
    expect(chosen(available, "a.rdb").bytes).toBe(1);
    expect(() => chosen(available, "c.rdb")).toThrow(
      "There is no scheduled backup c.rdb; existing ones are b.rdb, a.rdb.",
    );
    expect(() => chosen([], "latest")).toThrow("There is no scheduled backup yet.");
  });
});
