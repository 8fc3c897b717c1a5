import { createHash } from "node:crypto";
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
/** A header that every Docker-compatible registry sends. */
const API = { "docker-distribution-api-version": "registry/2.0" };
const settings = { insecure: true, auth: "none", dockerConfig: "/nowhere" } as const;

it("a tag that is in the registry is reported with its digest", async () => {
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

it("only a 404 means that the tag is absent", async () => {
  for (const [status, state] of [
    [404, "absent"],
    [500, "unreachable"],
    [403, "unreachable"],
  ] as const) {
    const r = await registry((_, s) => s.writeHead(status, API).end());
    expect((await tagState({ ...settings, push: r.push }, "node", "abc")).state).toBe(state);
    r.close();
  }
});

it("a registry that does not answer is reported as unreachable, with the reason", async () => {
  const r = await registry(() => undefined);
  r.close();
  await expect(tagState({ ...settings, push: r.push }, "node", "abc")).resolves.toEqual({
    state: "unreachable",
    reason: `${r.push}: ECONNREFUSED`,
  });
});

it("the error for a missing login explains how to log in", async () => {
  const r = await registry((_, s) => s.writeHead(401, { "www-authenticate": "Basic realm=x" }).end());
  const state = await tagState({ ...settings, push: r.push }, "node", "abc");
  expect(state).toMatchObject({
    state: "unreachable",
    reason: expect.stringMatching(/answered 401; log in with `docker login 127.* and set registry.auth to docker/),
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

describe("a registry on this machine", () => {
  it.each([
    ["AirPlay on macOS", { server: "AirTunes/770.8.1" }, 403, /is AirPlay on macOS.*turn off AirPlay Receiver/],
    ["another web server", {}, 404, /is not an image registry \(it answered 404\); start the registry on another port/],
  ])(
    "%s in place of a registry is reported, and is not mistaken for a registry that lacks the tag",
    async (_, headers, status, reason) => {
      const r = await registry((_, s) => s.writeHead(status, headers).end());
      const state = await tagState({ ...settings, push: r.push }, "node", "abc");
      expect(state).toMatchObject({ state: "unreachable", reason: expect.stringMatching(reason) });
      r.close();
    },
  );
});

describe("a digest", () => {
  const manifest = '{"schemaVersion":2}';
  it("a digest is computed from the manifest if the registry does not send it", async () => {
    const r = await registry((_, s) => s.writeHead(200, API).end(manifest));
    await expect(tagState({ ...settings, push: r.push }, "node", "abc")).resolves.toEqual({
      state: "held",
      digest: `sha256:${createHash("sha256").update(manifest).digest("hex")}`,
    });
    r.close();
  });
  it("a digest is not taken from a page that a server returns for every address", async () => {
    const r = await registry((_, s) => s.writeHead(200).end("<html>Log in to the network</html>"));
    expect((await tagState({ ...settings, push: r.push }, "node", "abc")).state).toBe("unreachable");
    r.close();
  });
});

describe("differences between registries", () => {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), "iacproject-docker-"));
  const dockerConfig = path.join(dir, "config.json");
  const basic = `Basic ${Buffer.from("me:secret").toString("base64")}`;
  afterAll(() => fs.rmSync(dir, { recursive: true }));
  /** The state of a tag in a registry that behaves as `handler` does, queried with a login. */
  const seen = async (handler: http.RequestListener, entry: object = { auth: basic.slice(6) }) => {
    const r = await registry(handler);
    fs.writeFileSync(dockerConfig, JSON.stringify({ auths: { [r.push]: entry } }));
    const state = await tagState(
      { push: `${r.push}/team`, insecure: true, auth: "docker", dockerConfig },
      "node",
      "abc",
    );
    r.close();
    return state;
  };
  const held = (s: http.ServerResponse) => void s.writeHead(200, { ...API, "docker-content-digest": DIGEST }).end();
  const refuse = (s: http.ServerResponse, challenge: string) =>
    void s.writeHead(401, { ...API, "www-authenticate": challenge }).end();

  it("ECR, Nexus: Basic, without a token", async () => {
    const state = await seen((q, s) => (q.headers.authorization === basic ? held(s) : refuse(s, 'Basic realm="ecr"')));
    expect(state.state).toBe("held");
  });
  it("GHCR, GitLab, quay, Harbor: only a token is accepted; a password is an error", async () => {
    const state = await seen((q, s) => {
      const { authorization } = q.headers;
      if (q.url!.startsWith("/token")) return void s.end(JSON.stringify({ token: authorization === basic ? "t" : "" }));
      if (authorization?.startsWith("Basic")) return void s.writeHead(403, API).end();
      if (authorization === "Bearer t") return held(s);
      refuse(s, `Bearer realm="http://${q.headers.host}/token",service="x",scope="repository:team/node:pull"`);
    });
    expect(state.state).toBe("held");
  });
  it("some registries omit the scope or the quotes in the challenge", async () => {
    const scopes: (string | null)[] = [];
    const state = await seen((q, s) => {
      const url = new URL(q.url!, "http://x");
      if (url.pathname === "/token") {
        scopes.push(url.searchParams.get("scope"));
        return void s.end('{"access_token":"t"}');
      }
      if (q.headers.authorization === "Bearer t") return held(s);
      refuse(s, `Bearer realm=http://${q.headers.host}/token, service=x`);
    });
    expect(state.state).toBe("held");
    expect(scopes).toEqual(["repository:team/node:pull"]);
  });
  it("Azure: an identity token is exchanged for an access token by POST", async () => {
    const state = await seen(
      (q, s) => {
        if (q.url!.startsWith("/token")) {
          let body = "";
          q.on("data", (chunk: Buffer) => (body += chunk.toString()));
          q.on("end", () => {
            const form = new URLSearchParams(body);
            const isGood = form.get("grant_type") === "refresh_token" && form.get("refresh_token") === "long";
            s.end(JSON.stringify({ access_token: q.method === "POST" && isGood ? "t" : "" }));
          });
          return;
        }
        if (q.headers.authorization === "Bearer t") return held(s);
        refuse(s, `Bearer realm="http://${q.headers.host}/token",service="x"`);
      },
      { auth: "MDAwMDo=", identitytoken: "long" },
    );
    expect(state.state).toBe("held");
  });
  it("without a login, some registries answer 404 for a private repository, and send the challenge only at /v2/", async () => {
    const state = await seen((q, s) => {
      if (q.url === "/v2/") return refuse(s, 'Basic realm="x"');
      if (q.headers.authorization === basic) return held(s);
      s.writeHead(404, API).end();
    });
    expect(state.state).toBe("held");
  });
  it("a challenge may offer both schemes", async () => {
    const state = await seen((q, s) => {
      if (q.url!.startsWith("/token")) return void s.end('{"token":"t"}');
      if (q.headers.authorization === "Bearer t") return held(s);
      refuse(s, `Basic realm="x", Bearer realm="http://${q.headers.host}/token",service="x"`);
    });
    expect(state.state).toBe("held");
  });
  it("a refused login is reported as refused, and a login for another registry as missing", async () => {
    const never: http.RequestListener = (_, s) => refuse(s, 'Basic realm="x"');
    expect(await seen(never)).toMatchObject({
      reason: expect.stringMatching(/the login in .*config\.json is not allowed to read/),
    });
    expect(await seen(never, {})).toMatchObject({
      reason: expect.stringMatching(/has no login for this registry; log in with/),
    });
  });
  it("the error names a token server that fails", async () => {
    const state = await seen((q, s) => {
      if (q.url!.startsWith("/token")) return void s.writeHead(503).end();
      refuse(s, `Bearer realm="http://${q.headers.host}/token",service="x"`);
    });
    expect(state).toMatchObject({ reason: expect.stringMatching(/the token server .* answered 503$/) });
  });
  it("the error names a configuration file that is not JSON", async () => {
    fs.writeFileSync(dockerConfig, "{");
    const state = await tagState({ push: "x.invalid", insecure: true, auth: "docker", dockerConfig }, "node", "abc");
    expect(state).toMatchObject({ reason: expect.stringMatching(/config\.json: .*JSON/) });
  });
});

it("Docker Hub needs an account's name", async () => {
  const state = await tagState({ ...settings, insecure: false, push: "docker.io" }, "node", "abc");
  expect(state).toMatchObject({ reason: expect.stringMatching(/set registry\.push to docker\.io\/NAME/) });
});

it("an address splits into host and repository prefix", () => {
  expect(splitAddress("localhost:5000")).toEqual({ host: "localhost:5000", prefix: "" });
  expect(splitAddress("ghcr.io/team/sub")).toEqual({ host: "ghcr.io", prefix: "team/sub/" });
});
