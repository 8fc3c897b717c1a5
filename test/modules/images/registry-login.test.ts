/** Logins in Docker's configuration file and credential helpers. */
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { apiHost, dockerLogin, providerAddress, type AskHelper } from "../../../modules/images/registry-login";

const dir = fs.mkdtempSync(path.join(os.tmpdir(), "iacproject-login-"));
const file = path.join(dir, "config.json");
afterAll(() => fs.rmSync(dir, { recursive: true }));

const basic = Buffer.from("me:secret").toString("base64");
const login = (config: object, host: string) => {
  fs.writeFileSync(file, JSON.stringify(config));
  return dockerLogin(file, host, ask);
};
/** The only installed credential helper: its name, the only key that it accepts, and the user that it returns. */
let installed: { name: string; key: string; user: string } | undefined;
const helper = (name: string, key: string, user = "me") => void (installed = { name, key, user });
const ask: AskHelper = (name, key) => {
  if (installed?.name !== name || installed.key !== key) throw new Error("not found");
  return JSON.stringify({ ServerURL: key, Username: installed.user, Secret: "secret" });
};
afterEach(() => void (installed = undefined));

describe("registry logins", () => {
  it.each([
    ["under the host", "ghcr.io", "ghcr.io"],
    ["under the host with its port", "registry.example:5000", "registry.example:5000"],
    ["under a URL", "https://registry.example", "registry.example"],
    ["under a URL with a path", "https://registry.example/v2/", "registry.example"],
    ["under Docker Hub's old name", "https://index.docker.io/v1/", "docker.io"],
    ["under another of Docker Hub's names", "https://index.docker.io/v1/", "registry-1.docker.io"],
  ])("a login is found %s", (_, key, host) => {
    expect(login({ auths: { "other.example": { auth: "x" }, [key]: { auth: basic } } }, host)).toEqual({
      kind: "password",
      basic,
    });
  });
  it("a login is found with user and password in plain fields", () => {
    const entry = { username: "me", password: "secret" };
    expect(login({ auths: { "ghcr.io": entry } }, "ghcr.io")).toEqual({ kind: "password", basic });
  });
  it("a login is found as an identity token, which Azure's registry stores instead of a password", () => {
    const entry = { auth: Buffer.from("00000000:").toString("base64"), identitytoken: "long" };
    expect(login({ auths: { "x.azurecr.io": entry } }, "x.azurecr.io")).toEqual({
      kind: "identity token",
      token: "long",
    });
  });
  it("a login is found in a credential helper for one host", () => {
    helper("gcloud", "europe-docker.pkg.dev");
    const config = { credHelpers: { "europe-docker.pkg.dev": "gcloud" } };
    expect(login(config, "europe-docker.pkg.dev")).toEqual({ kind: "password", basic });
    expect(login(config, "us-docker.pkg.dev")).toBeUndefined();
  });
  it("a login is found in Docker Desktop's credential store, under Docker Hub's key", () => {
    helper("desktop", "https://index.docker.io/v1/");
    expect(login({ auths: { "https://index.docker.io/v1/": {} }, credsStore: "desktop" }, "docker.io")).toEqual({
      kind: "password",
      basic,
    });
  });
  it("a login is found as a helper's identity token", () => {
    helper("acr-env", "x.azurecr.io", "<token>");
    expect(login({ credsStore: "acr-env" }, "x.azurecr.io")).toEqual({ kind: "identity token", token: "secret" });
  });
});

it("a missing login is not an error: no file, no entry, a helper that is not installed", () => {
  expect(dockerLogin(path.join(dir, "absent.json"), "ghcr.io")).toBeUndefined();
  expect(login({}, "ghcr.io")).toBeUndefined();
  expect(login({ credsStore: "nowhere" }, "ghcr.io")).toBeUndefined();
  expect(dockerLogin(file, "ghcr.io")).toBeUndefined();
});

it("Docker Hub has a separate API host, and a separate address under which Terraform's provider finds the login; other registries use a single address", () => {
  expect(apiHost("docker.io")).toBe("registry-1.docker.io");
  expect(apiHost("ghcr.io")).toBe("ghcr.io");
  expect(providerAddress("docker.io/me")).toBe("index.docker.io/me");
  expect(providerAddress("localhost:5000")).toBe("localhost:5000");
});
