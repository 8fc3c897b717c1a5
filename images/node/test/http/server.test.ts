/** Tests the logging of requests. */
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { json, startApi, type Api } from "../helpers/api";
import { eventually, freePort, hasRedis, Redis } from "../helpers/redis";

describe.skipIf(!hasRedis)("the API's log", () => {
  let main: Redis;
  let api: Api;

  beforeEach(async () => {
    main = await new Redis(await freePort()).start();
    api = await startApi(main.url, undefined);
    await eventually("the API to be ready", async () => (await api.fetch("/readyz")).status === 200);
  });
  afterEach(async () => {
    await api.server.stop();
    await main.stop();
  });

  it("contains the id of a failed request, whether the caller's or a new one, as in the response", async () => {
    await main.stop();
    const lines: string[] = [];
    const write = vi.spyOn(process.stdout, "write").mockImplementation((text) => (lines.push(String(text)), true));
    const post = (id?: string) =>
      api.fetch("/item", {
        ...json("POST", { id: "a secret key", val: "1" }),
        headers: { "content-type": "application/json", ...(id ? { "x-request-id": id } : {}) },
      });
    const ids = [];
    for (const given of ["from-the-front.1", undefined, 'not one: "}{"']) {
      const answer = await post(given);
      expect(answer.status).toBe(503);
      ids.push(answer.headers.get("x-request-id")!);
    }
    write.mockRestore();
    expect(ids[0]).toBe("from-the-front.1");
    for (const made of ids.slice(1)) expect(made).toMatch(/^[0-9a-f-]{36}$/);
    const failed = lines.map((l) => JSON.parse(l)).filter((l) => l.message === "request failed");
    expect(failed.map((l) => l.request)).toEqual(ids);
    expect(failed[0]).toMatchObject({ method: "POST", route: "/item", status: 503 });
    expect(lines.join("")).not.toContain("a secret key");
  });
});
