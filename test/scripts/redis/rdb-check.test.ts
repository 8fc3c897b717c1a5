/** Snapshots as a real redis-server writes them. */
import { execFileSync, spawn, spawnSync } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { checkSnapshot, Crc64, dropMark } from "../../../scripts/redis/rdb-check";

it("the checksum is the same as Redis' own", () => {
  // the value for these digits in Redis' source
  expect(new Crc64().update(Buffer.from("123456789")).value.toString(16)).toBe("e9c6d914c4b8d9ca");
  const parts = new Crc64().update(Buffer.from("1234")).update(Buffer.from("56789"));
  expect(parts.value.toString(16)).toBe("e9c6d914c4b8d9ca");
});

const hasRedis = spawnSync("redis-server", ["--version"]).status === 0;
if (!hasRedis) console.warn("SKIPPED: snapshots: redis-server is not installed");
const suite = hasRedis ? describe : describe.skip;

suite("a snapshot", () => {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), "iacproject-rdb-"));
  const file = path.join(dir, "dump.rdb");
  const copy = path.join(dir, "copy.rdb");
  beforeAll(async () => {
    const socket = path.join(dir, "redis.sock");
    const server = spawn("redis-server", ["--port", "0", "--unixsocket", socket, "--dir", dir, "--save", ""], {
      stdio: "ignore",
    });
    const cli = (...args: string[]) => execFileSync("redis-cli", ["-s", socket, ...args], { encoding: "utf8" });
    for (let i = 0; i < 100 && !fs.existsSync(socket); i++) await new Promise((r) => setTimeout(r, 50));
    cli("EVAL", "for i = 1, 2000 do redis.call('SET', 'key:' .. i, string.rep('v', i % 100)) end", "0");
    expect(cli("SAVE").trim()).toBe("OK");
    server.kill();
    await new Promise((r) => server.once("close", r));
  });
  afterAll(() => fs.rmSync(dir, { recursive: true }));
  const changed = (change: (bytes: Buffer) => Buffer) => {
    fs.writeFileSync(copy, change(fs.readFileSync(file)));
    return () => checkSnapshot(copy);
  };

  it("that is complete is accepted, with the version of its format", () => {
    expect(checkSnapshot(file)).toMatchObject({ checked: true, bytes: fs.statSync(file).size });
    expect(checkSnapshot(file).version).toBeGreaterThanOrEqual(9);
  });
  it.each([
    ["cut off in the middle", (b: Buffer) => b.subarray(0, b.length / 2), /truncated or damaged/],
    ["without its last byte", (b: Buffer) => b.subarray(0, -1), /truncated or damaged/],
    ["cut off after its header", (b: Buffer) => b.subarray(0, 12), /is truncated/],
    ["with one flipped bit", (b: Buffer) => ((b[b.length >> 1]! ^= 1), b), /its checksum does not match/],
    ["that is a text file", () => Buffer.from("not a snapshot at all, but long enough"), /is not a Redis snapshot/],
    ["that is empty", () => Buffer.alloc(0), /is not a Redis snapshot/],
  ])("%s is refused", (_, change, why) => {
    expect(changed(change)).toThrow(why);
    expect(changed(change)).toThrow(/nothing was changed/);
  });
  it("as main sends it, with a trailing mark, loses only the mark", () => {
    fs.writeFileSync(
      copy,
      Buffer.concat([fs.readFileSync(file), Buffer.from("0123456789abcdef".repeat(3).slice(0, 40))]),
    );
    dropMark(copy);
    expect(fs.readFileSync(copy).equals(fs.readFileSync(file))).toBe(true);
    dropMark(copy);
    expect(checkSnapshot(copy)).toMatchObject({ checked: true });
  });
  it("that does not exist is refused", () => {
    expect(() => checkSnapshot(path.join(dir, "missing.rdb"))).toThrow(/cannot be read \(ENOENT\)/);
  });
  it("without a checksum is accepted as unchecked", () => {
    const check = changed((b) => Buffer.concat([b.subarray(0, -8), Buffer.alloc(8)]));
    expect(check()).toMatchObject({ checked: false });
  });
});
