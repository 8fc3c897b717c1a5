/** The smoke test against an in-memory front: its requests and its errors. */
import * as http from "node:http";
import type { AddressInfo } from "node:net";
import { smokeTest } from "../../../scripts/deploy/smoke-test";

const METRICS = "http_request_duration_seconds_count 1\nnginx_connections_total 1\n";

/** An in-memory front and API that behave as the smoke test expects. */
async function front(fault: (path: string, method: string) => number | undefined = () => undefined) {
  const data = new Map<string, string>();
  const server = http.createServer((q, s) => {
    const url = new URL(q.url!, "http://x");
    const broken = fault(url.pathname, q.method!);
    if (broken) return void s.writeHead(broken).end("broken");
    let body = "";
    q.on("data", (chunk: Buffer) => (body += chunk.toString()));
    q.on("end", () => {
      const fields = (body ? JSON.parse(body) : {}) as { id: string; val: string };
      const id = url.searchParams.get("id") ?? "";
      if (url.pathname === "/") return s.end('<div id="root"></div>');
      if (url.pathname === "/api/") return s.end("It is working, good job id 1700000000000");
      if (url.pathname.endsWith("/metrics")) return s.end(METRICS);
      if (url.pathname === "/api/items") return s.end(JSON.stringify([...data.keys()]));
      if (q.method === "POST") data.set(fields.id, fields.val);
      else if (q.method === "DELETE") data.delete(fields.id);
      else return data.has(id) ? s.end(data.get(id)) : s.writeHead(404).end();
      return s.end("ok");
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return { address, data, close: () => server.close() };
}

it("writes, reads back, lists, deletes and reads metrics, and leaves no key behind", async () => {
  const f = await front();
  const steps: string[] = [];
  await smokeTest(f.address, ({ what }) => steps.push(what));
  expect(steps).toHaveLength(7);
  expect(f.data.size).toBe(0);
  f.close();
});

it("waits for a front whose routes are not working yet", async () => {
  let tries = 0;
  const f = await front((path) => (path === "/api/" && tries++ < 3 ? 502 : undefined));
  await expect(smokeTest(f.address)).resolves.toBeUndefined();
  f.close();
});

it.each([
  ["a write that is refused", "/api/item", "POST", /^Smoke test, a key is written: got 503/],
  ["a list that fails", "/api/items", "GET", /^Smoke test, the list contains the key: got 503/],
  ["metrics that are missing", "/metrics", "GET", /^Smoke test, metrics are served: got 503 from the front/],
])("names the failed step for %s", async (_, path, method, expected) => {
  const f = await front((p, m) => (p === path && m === method ? 503 : undefined));
  await expect(smokeTest(f.address)).rejects.toThrow(expected);
  f.close();
});
