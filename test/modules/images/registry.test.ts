import * as fs from "node:fs";
import * as http from "node:http";
import type { AddressInfo } from "node:net";
import * as os from "node:os";
import * as path from "node:path";
import { splitAddress, tagState } from "../../../modules/images/registry";

/** A fake registry that serves manifests. */
async function registry(handler: http.RequestListener): Promise<{ push: string; close: () => void }> {
  const server = http.createServer(handler).listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  return { push: `127.0.0.1:${(server.address() as AddressInfo).port}`, close: () => server.close() };
}
const DIGEST = `sha256:${"cd".repeat(32)}`;
const settings = { insecure: true, auth: "none", dockerConfig: "/nowhere" } as const;

it("a tag in the registry is reported with its digest", async () => {
  const seen: string[] = [];
  const r = await registry((q, s) => {
    seen.push(`${q.method} ${q.url}`);
    s.writeHead(200, { "docker-content-digest": DIGEST }).end();
  });
  await expect(tagState({ ...settings, push: `${r.push}/team` }, "node", "abc")).resolves.toEqual({
    state: "held",
    digest: DIGEST,
  });
  expect(seen).toEqual(["HEAD /v2/team/node/manifests/abc"]);
  r.close();
});

it("only a 404 means absent", async () => {
  for (const [status, state] of [
    [404, "absent"],
    [500, "unreachable"],
    [403, "unreachable"],
  ] as const) {
    const r = await registry((_, s) => s.writeHead(status).end());
    expect((await tagState({ ...settings, push: r.push }, "node", "abc")).state).toBe(state);
    r.close();
  }
});

it("a registry that does not answer is unreachable, with the reason", async () => {
  const r = await registry(() => undefined);
  r.close();
  await expect(tagState({ ...settings, push: r.push }, "node", "abc")).resolves.toEqual({
    state: "unreachable",
    reason: `${r.push}: ECONNREFUSED`,
  });
});

it("a refusal because of a missing login says how to log in", async () => {
  const r = await registry((_, s) => s.writeHead(401, { "www-authenticate": "Basic realm=x" }).end());
  const state = await tagState({ ...settings, push: r.push }, "node", "abc");
  expect(state).toMatchObject({
    state: "unreachable",
    reason: expect.stringMatching(/answered 401; log in with `docker login`/),
  });
  r.close();
});

it("Docker's login is exchanged for a token if the registry requires one", async () => {
  const r = await registry((q, s) => {
    if (q.url!.startsWith("/token")) {
      const isLogin = q.headers.authorization === `Basic ${Buffer.from("me:secret").toString("base64")}`;
      return void s.end(JSON.stringify({ token: isLogin && q.url!.includes("scope=pull") ? "good" : "bad" }));
    }
    if (q.headers.authorization === "Bearer good")
      return void s.writeHead(200, { "docker-content-digest": DIGEST }).end();
    s.writeHead(401, {
      "www-authenticate": `Bearer realm="http://${q.headers.host}/token",service="r",scope="pull"`,
    }).end();
  });
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), "iacproject-docker-"));
  const dockerConfig = path.join(dir, "config.json");
  fs.writeFileSync(
    dockerConfig,
    JSON.stringify({ auths: { [r.push]: { auth: Buffer.from("me:secret").toString("base64") } } }),
  );
  expect((await tagState({ push: r.push, insecure: true, auth: "docker", dockerConfig }, "node", "abc")).state).toBe(
    "held",
  );
  r.close();
  fs.rmSync(dir, { recursive: true });
});

it("an address splits into host and repository prefix", () => {
  expect(splitAddress("localhost:5000")).toEqual({ host: "localhost:5000", prefix: "" });
  expect(splitAddress("ghcr.io/team/sub")).toEqual({ host: "ghcr.io", prefix: "team/sub/" });
});
