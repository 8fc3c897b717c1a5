/** Synthesizes the layers of one commit in every variant. */
import { spawn } from "node:child_process";
import * as fs from "node:fs";
import * as http from "node:http";
import type { AddressInfo } from "node:net";
import * as path from "node:path";
import { pathToFileURL } from "node:url";
import type { Variant } from "./variants";

/** Per variant: each layer's `cdk.tf.json`, or the error if the configuration was rejected. */
export type Synthesized = Record<string, Record<string, unknown>>;

/** Timeout for all variants of one commit. */
const LIMIT_MS = 15 * 60_000;

/** A registry without images, so that results do not depend on pushed images; its address is part of every result. */
export async function emptyRegistry<T>(use: (address: string) => Promise<T>): Promise<T> {
  const server = http.createServer((request, response) => {
    response.writeHead(request.url === "/v2/" ? 200 : 404, { "content-type": "application/json" });
    response.end("{}");
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, "127.0.0.1", resolve);
  });
  try {
    return await use(`localhost:${(server.address() as AddressInfo).port}`);
  } finally {
    server.close();
  }
}

/** Runs main.ts of the checkout in `tree` once per variant; its dependencies must be installed. */
export async function synthesizeAll(
  tree: string,
  registry: string,
  variants: readonly Variant[],
): Promise<Synthesized> {
  const home = path.join(tree, ".compare");
  fs.mkdirSync(home);
  const dockerConfig = path.join(home, "docker.json");
  fs.writeFileSync(dockerConfig, '{"auths":{}}');
  const loader = pathToFileURL(path.join(tree, "node_modules", "tsx", "dist", "loader.mjs")).href;
  const result = path.join(home, "result.json");
  const env = {
    PATH: process.env["PATH"] ?? "",
    HOME: home,
    CDKTF_OUTDIR: path.join(home, "out"),
    IAC_REGISTRY_PUSH: registry,
    IAC_REGISTRY_DOCKER_CONFIG: dockerConfig,
  };
  // a separate process, because the checkout has its own modules
  const child = spawn(process.execPath, ["--import", loader, path.join(__dirname, "worker.ts"), tree, result], {
    cwd: tree,
    env,
    stdio: ["pipe", "ignore", "inherit"],
    timeout: LIMIT_MS,
  });
  child.stdin.end(JSON.stringify(variants));
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", resolve);
  });
  if (code !== 0) throw new Error(`synthesizing ${tree} failed with exit code ${code}`);
  return JSON.parse(fs.readFileSync(result, "utf8")) as Synthesized;
}
