import { stripVTControlCharacters } from "node:util";
import { isAbout, parseLine, readable } from "../../../scripts/terminal/log-lines";
import { api, nginx, redis } from "../../helpers/log-lines";

const plain = (text: string) => stripVTControlCharacters(text);

describe("log lines", () => {
  it("are parsed into time, pod and text", () => {
    expect(parseLine(api)).toMatchObject({ pod: "node-1", time: "2026-01-02T03:04:05.678901234Z" });
    expect(parseLine("unable to retrieve container logs")).toBeUndefined();
  });
  it("log lines in JSON are shown as level, message and the other fields by name", () => {
    expect(plain(readable(parseLine(api)!))).toMatch(
      /^\d\d:\d\d:05 node-1 warn request slow request=abc-12345 ms=1200$/,
    );
    expect(plain(readable(parseLine(nginx)!))).toMatch(/react-1 request=abc-12345 route=\/api\/item status=200$/);
  });
  it("in other formats stay unchanged", () => {
    expect(plain(readable(parseLine(redis)!))).toMatch(/redis-main-0 1:M .* \* Ready to accept connections$/);
    expect(plain(readable({ ...parseLine(redis)!, text: "[1,2]" }))).toMatch(/ \[1,2\]$/);
  });
  it("match a request by its full id, not by part of it", () => {
    expect([api, nginx, redis].map((l) => isAbout(parseLine(l)!, "abc-12345"))).toEqual([true, true, false]);
    expect(isAbout(parseLine(api)!, "abc-1234")).toBe(false);
  });
});
