/** The smoke test: uses the application through the front's address, as a browser would. */
import { randomUUID } from "node:crypto";
import { request, sendJson } from "./http";
import { Failure } from "../terminal/ui";

/** Timeout for the first responses, in ms: routes and policies reach the nodes after the pods are Ready. */
const REACH_MS = 30_000;
/** Time allowed for a write to reach a replica, in ms. */
const REPLICATION_MS = 5000;

export interface SmokeStep {
  readonly what: string;
  readonly ms: number;
}

/** Runs every step against `address`. @throws Failure that names the first step that fails */
export async function smokeTest(address: string, onStep: (step: SmokeStep) => void = () => {}): Promise<void> {
  const id = `smoke-${randomUUID()}`;
  const val = `value of ${id}\nsecond line`;
  const item = `${address}/api/item?id=${id}`;
  const step = async (what: string, run: () => Promise<void>) => {
    const begin = Date.now();
    try {
      await run();
    } catch (error) {
      throw new Failure(`Smoke test, ${what}: ${(error as Error).message}`, "See: npm run status");
    }
    onStep({ what, ms: Date.now() - begin });
  };
  const expect = (ok: boolean, got: string) => {
    if (!ok) throw new Error(`got ${got.slice(0, 200)}`);
  };

  const until = async (limitMs: number, run: () => Promise<void>) => {
    const end = Date.now() + limitMs;
    for (;;) {
      try {
        return await run();
      } catch (error) {
        if (Date.now() >= end) throw error;
        await new Promise((resolve) => setTimeout(resolve, 200));
      }
    }
  };

  await step("the page is served", () =>
    until(REACH_MS, async () => {
      const { status, text } = await request(`${address}/`, {}, 3000);
      expect(status === 200 && text.includes('id="root"'), `${status} ${text}`);
    }),
  );
  await step("the API answers", () =>
    until(REACH_MS, async () => {
      const { status, text } = await request(`${address}/api/`, {}, 3000);
      expect(status === 200 && /^It is working, good job \S+ \d+$/.test(text), `${status} ${text}`);
    }),
  );
  await step("a key is written", async () => {
    const { status, text } = await request(`${address}/api/item`, sendJson("POST", { id, val }));
    expect(status === 200 && text === "ok", `${status} ${text}`);
  });
  await step("the key is read back through the replicas", async () => {
    const end = Date.now() + REPLICATION_MS;
    for (;;) {
      const { status, text } = await request(item);
      if (status === 200 && text === val) return;
      expect(status === 404 && Date.now() < end, `${status} ${text} after ${REPLICATION_MS} ms`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  });
  await step("the list contains the key", async () => {
    const { status, text } = await request(`${address}/api/items`);
    expect(status === 200 && (JSON.parse(text) as string[]).includes(id), `${status}, without the key`);
  });
  await step("the key is deleted", async () => {
    const { status, text } = await request(`${address}/api/item`, sendJson("DELETE", { id }));
    expect(status === 200 && text === "ok", `${status} ${text}`);
    const end = Date.now() + REPLICATION_MS;
    for (;;) {
      const answer = await request(item);
      if (answer.status === 404) return;
      expect(Date.now() < end, `${answer.status} ${REPLICATION_MS} ms after the delete`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  });
  await step("metrics are served", async () => {
    // the front blocks the API's metrics, because they are not meant for visitors
    const front = await request(`${address}/metrics`);
    expect(front.status === 200 && front.text.includes("nginx_connections_total"), `${front.status} from the front`);
  });
}
