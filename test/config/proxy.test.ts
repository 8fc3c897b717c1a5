/** Requests through a proxy follow Go's rules; the tests use a real proxy. */
import * as http from "node:http";
import * as net from "node:net";
import { fetchOutside, fetchProblem, proxyFor } from "../../config/proxy";
import { proxyVariables } from "../../config/sources";

describe("the proxy for a URL", () => {
  const all = { http: "http://proxy:3128", https: "http://proxy:3129" };
  const proxied = (url: string, no?: string) => proxyFor(new URL(url), { ...all, no }) !== undefined;

  it("the proxy depends on the URL's scheme; neither variable replaces the other", () => {
    expect(proxyFor(new URL("https://ghcr.io"), all)).toBe("http://proxy:3129");
    expect(proxyFor(new URL("http://ghcr.io"), all)).toBe("http://proxy:3128");
    expect(proxyFor(new URL("https://ghcr.io"), { http: all.http })).toBeUndefined();
    expect(proxyFor(new URL("https://ghcr.io"), { https: "proxy:3129" })).toBe("http://proxy:3129");
  });
  it("the proxy is not used for this machine, even without NO_PROXY", () => {
    for (const host of ["localhost:5000", "127.0.0.1:5000", "127.1.2.3", "[::1]:5000"])
      expect(proxied(`http://${host}`)).toBe(false);
    expect(proxied("http://128.0.0.1")).toBe(true);
  });
  it.each([
    ["*", "https://a.example", false],
    ["a.example", "https://a.example", false],
    ["A.Example ", "https://a.example", false],
    ["example", "https://a.example", false],
    [".example", "https://a.example", false],
    ["*.example", "https://a.example", false],
    [".a.example", "https://a.example", true],
    ["xample", "https://a.example", true],
    ["b.example,a.example", "https://a.example", false],
    ["a.example:443", "https://a.example", false],
    ["a.example:5000", "https://a.example", true],
    ["a.example:5000", "https://a.example:5000", false],
    ["10.0.0.0/8", "http://10.1.2.3:5000", false],
    ["10.0.0.0/8", "http://11.1.2.3:5000", true],
    ["10.1.2.3", "http://10.1.2.3:5000", false],
    ["fd00::/8", "http://[fd00::1]:5000", false],
    ["fd00::1", "http://[fd00::1]:5000", false],
    ["", "https://a.example", true],
  ])("with NO_PROXY=%s, %s: %s", (no, url, expected) => expect(proxied(url, no)).toBe(expected));
  it("the proxy is read from variables in either case; upper case takes precedence", () => {
    expect(proxyVariables({ https_proxy: "a", HTTP_PROXY: "b", http_proxy: "c", no_proxy: "d" })).toEqual({
      https: "a",
      http: "b",
      no: "d",
    });
  });
});

describe("through a proxy", () => {
  const seen: string[] = [];
  const proxy = http.createServer((q, s) => {
    seen.push(`${q.method} ${q.url} ${q.headers["proxy-authorization"] ?? ""}`.trim());
    s.end("through the proxy");
  });
  proxy.on("connect", (q, socket: net.Socket) => {
    seen.push(`CONNECT ${q.url}`);
    socket.end("HTTP/1.1 407 Proxy Authentication Required\r\n\r\n");
  });
  const names = ["HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy"];
  const before = names.map((name) => [name, process.env[name]] as const);
  beforeAll(async () => {
    await new Promise<void>((resolve) => proxy.listen(0, "127.0.0.1", resolve));
    const at = `127.0.0.1:${(proxy.address() as net.AddressInfo).port}`;
    for (const name of names) delete process.env[name];
    process.env["HTTP_PROXY"] = `http://me:secret@${at}`;
    process.env["HTTPS_PROXY"] = at;
  });
  afterAll(() => {
    for (const [name, value] of before) {
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
    proxy.closeAllConnections();
    proxy.close();
  });
  beforeEach(() => void (seen.length = 0));

  it("a request over HTTP is sent to the proxy without a tunnel, with the proxy's login", async () => {
    const response = await fetchOutside("http://registry.invalid/v2/");
    expect(await response.text()).toBe("through the proxy");
    expect(seen).toEqual([`GET http://registry.invalid/v2/ Basic ${Buffer.from("me:secret").toString("base64")}`]);
  });
  it("a request over HTTPS uses a tunnel; if the proxy refuses it, the error names the proxy but not the login", async () => {
    const error: unknown = await fetchOutside("https://registry.invalid/v2/").catch((e: unknown) => e);
    expect(seen).toEqual(["CONNECT registry.invalid:443"]);
    expect(fetchProblem(error, "https://registry.invalid/v2/")).toMatch(/407.*, through the proxy 127\.0\.0\.1:\d+$/);
  });
});
