/** Tests what callers see when the API is overloaded. */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { json, startApi, type Api } from "./helpers/api";
import { eventually, freePort, hasRedis, pause, Redis } from "./helpers/redis";

describe.skipIf(!hasRedis)("the API under overload", () => {
  let main: Redis;
  let api: Api;

  beforeEach(async () => {
    main = await new Redis(await freePort()).start();
  });
  afterEach(async () => {
    main.signal("SIGCONT");
    await api.server.stop();
    await main.stop();
  });
  const ready = async (env: Record<string, string>) => {
    api = await startApi(main.url, undefined, env);
    await eventually("the API to be ready", async () => (await api.fetch("/readyz")).status === 200);
  };
  const shed = (reason: string) => api.metric(`http_requests_shed_total{reason="${reason}"}`);

  it("sheds large bodies above its byte limit, but not small ones", async () => {
    await ready({ MAX_BYTES_IN_FLIGHT: String(4 * 1024 * 1024), REDIS_COMMAND_TIMEOUT_MS: "5000" });
    const large = json("POST", { id: "large", val: "v".repeat(1024 * 1024) });
    expect((await api.fetch("/item", large)).status).toBe(200);
    // a body in flight keeps its memory
    main.signal("SIGSTOP");
    const held = api.fetch("/item", large);
    await eventually("its body to arrive", async () => {
      const [inFlight, arriving] = [api.metric("http_requests_in_flight"), api.metric("http_bodies_arriving")];
      return (await inFlight) === 1 && (await arriving) === 0;
    });
    const refused = await api.fetch("/item", large);
    expect([refused.status, refused.headers.get("retry-after")]).toEqual([503, "1"]);
    expect(await shed("bytes")).toBe(1);
    const small = api.fetch("/item", json("POST", { id: "small", val: "v" }));
    main.signal("SIGCONT");
    expect([(await held).status, (await small).status]).toEqual([200, 200]);
    expect((await api.fetch("/item", large)).status).toBe(200);
    expect((await (await api.fetch("/item?id=large")).text()).length).toBe(1024 * 1024);
  });

  it("sheds comparisons of copies above its byte limit", async () => {
    await ready({ MAX_BYTES_IN_FLIGHT: String(48 * 1024), REDIS_COMMAND_TIMEOUT_MS: "5000" });
    main.signal("SIGSTOP");
    const held = api.fetch("/copies?id=k");
    await eventually("it to be in flight", async () => (await api.metric("http_requests_in_flight")) === 1);
    expect((await api.fetch("/copies?id=k")).status).toBe(503);
    expect(await shed("bytes")).toBe(1);
    main.signal("SIGCONT");
    expect((await held).status).toBe(200);
    expect((await api.fetch("/copies?id=k")).status).toBe(200);
  });

  it("sheds full lists above its limit, and accepts them again afterwards", async () => {
    await ready({ MAX_LISTS: "2" });
    main.cli("EVAL", "for i = 1, 20000 do redis.call('SET', 'many:' .. i, i) end", "0");
    const answers = await Promise.all(Array.from({ length: 5 }, () => api.fetch("/items")));
    expect(answers.map((r) => r.status).sort()).toEqual([200, 200, 503, 503, 503]);
    await Promise.all(answers.map((r) => r.text()));
    await eventually("the API to accept lists again", async () => {
      const response = await api.fetch("/items?match=none*");
      await response.text();
      return response.status === 200;
    });
  });

  it("sheds pages of matching keys above their own limit, so that they leave capacity for other requests", async () => {
    await ready({ MAX_MATCHING_PAGES: "2", REDIS_COMMAND_TIMEOUT_MS: "8000", REDIS_READ_TIMEOUT_MS: "8000" });
    main.signal("SIGSTOP");
    const matching = "/items?limit=1&match=none*";
    const held = [api.fetch(matching), api.fetch(matching)];
    await eventually("both to be in flight", async () => (await api.metric("http_requests_in_flight")) === 2);
    expect((await api.fetch(matching)).status).toBe(503);
    expect(await shed("lists")).toBe(1);
    const others = [api.fetch("/items?limit=1"), api.fetch("/item", json("POST", { id: "k", val: "v" }))];
    main.signal("SIGCONT");
    for (const response of await Promise.all([...held, ...others])) expect(response.status).toBe(200);
    expect((await api.fetch(matching)).status).toBe(200);
  });

  it("releases the capacity of a caller that disconnects during a list, and counts no error", async () => {
    await ready({ MAX_LISTS: "1" });
    main.cli("EVAL", "for i = 1, 20000 do redis.call('SET', 'many:' .. i, i) end", "0");
    for (let i = 0; i < 3; i++) {
      const abort = new AbortController();
      const response = await fetch(`${api.address}/items`, { signal: abort.signal });
      expect(response.status).toBe(200);
      abort.abort();
      await eventually("the list to be aborted", async () => {
        const text = await api.metrics();
        return text.includes("http_requests_in_flight 0");
      });
    }
    expect(await shed("lists")).toBe(0);
    expect(await api.metrics()).not.toMatch(/route="\/items",status="500"/);
  });

  it("immediately sheds requests above its limit with Retry-After, counts them, and stays live and ready", async () => {
    await ready({ MAX_IN_FLIGHT: "10", REDIS_COMMAND_TIMEOUT_MS: "2000" });
    main.signal("SIGSTOP");
    const held = Array.from({ length: 10 }, () => api.fetch("/item?id=k"));
    await pause(100);
    const begin = Date.now();
    const refused = await Promise.all(Array.from({ length: 30 }, () => api.fetch("/item?id=k")));
    expect(Date.now() - begin).toBeLessThan(1000);
    for (const response of refused) {
      expect([response.status, response.headers.get("retry-after")]).toEqual([503, "1"]);
    }
    expect(await shed("in_flight")).toBe(30);
    expect((await api.fetch("/livez")).status).toBe(200);
    expect((await api.fetch("/readyz")).status).toBe(200);
    main.signal("SIGCONT");
    for (const response of await Promise.all(held)) expect(response.status).toBe(404);
    expect((await api.fetch("/item?id=k")).status).toBe(404);
  });
});
