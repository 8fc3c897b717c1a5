import { fingerprint, newPassword, steps } from "../../../scripts/commands/rotate";

describe("password rotation", () => {
  const made = (...passwords: string[]) => {
    const left = [...passwords];
    return () => left.shift()!;
  };
  const files = { "api-read": "a1", probe: "p1" };
  const users = Object.keys(files);
  const [both, taken, last] = steps(files, made("a2", "p2"), users) as [typeof files, typeof files, typeof files];

  it("adds the new passwords, then logs in with them, then removes the old ones", () => {
    expect(both).toEqual({ "api-read": "a1", "api-read.next": "a2", probe: "p1", "probe.next": "p2" });
    expect(taken).toEqual({ "api-read": "a2", "api-read.old": "a1", probe: "p2", "probe.old": "p1" });
    expect(last).toEqual({ "api-read": "a2", probe: "p2" });
  });
  it("resumes with the passwords that it already generated, wherever it was interrupted", () => {
    expect(steps(both, made(), users)).toEqual([both, taken, last]);
    expect(steps(taken, made(), users)).toEqual([taken, last]);
  });
  it("generates a password for a user that is not in the Secret yet", () => {
    const [first, , end] = steps({ probe: "p1" }, made("b1", "p2", "b2"), ["probe", "backup"]);
    expect(first).toMatchObject({ probe: "p1", "probe.next": "p2", backup: "b1", "backup.next": "b2" });
    expect(end).toEqual({ probe: "p2", backup: "b2" });
  });
  it("generates unique passwords that need no quoting", () => {
    const many = Array.from({ length: 100 }, newPassword);
    for (const password of many) expect(password).toMatch(/^[A-Za-z0-9]{32}$/);
    expect(new Set(many).size).toBe(100);
  });
  it("fingerprints files by name and content, regardless of their order", () => {
    expect(fingerprint({ b: "2", a: "1" })).toBe(fingerprint({ a: "1", b: "2" }));
    expect(fingerprint({ a: "1", b: "3" })).not.toBe(fingerprint({ a: "1", b: "2" }));
    expect(fingerprint({ a: "1" })).not.toBe(fingerprint({ a: "1", b: "2" }));
  });
});
