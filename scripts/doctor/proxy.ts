/** Checks the proxy set in the environment: which requests use it, and whether the Docker engine has one too. */
import { BlockList, isIP } from "node:net";
import type { Config } from "../../config";
import { proxyFor } from "../../config/proxy";
import type { ProxyVariables } from "../../config/sources";
import { engineFlags } from "../deploy/preflight";
import { RunError, run as realRun, type Run } from "../terminal/run-program";
import { Failure } from "../terminal/ui";

const PRIVATE = new BlockList();
for (const [block, bits] of [
  ["10.0.0.0", 8],
  ["172.16.0.0", 12],
  ["192.168.0.0", 16],
] as const) {
  PRIVATE.addSubnet(block, bits);
}

export interface ProxyUse {
  /** The environment's proxies. */
  readonly variables: ProxyVariables;
  /**
   * URL of the Kubernetes API.
   * @default no cluster is configured
   */
  readonly server?: string | undefined;
  /** Whether an image must be built. */
  readonly mustBuild: boolean;
}

/** @throws Failure if the proxy would block a connection, or is missing where it is needed */
export async function checkProxy(config: Config, use: ProxyUse, run: Run = realRun): Promise<string> {
  const through = (url: string) => {
    const proxy = proxyFor(new URL(url), use.variables);
    return proxy === undefined ? undefined : new URL(proxy).host;
  };
  const { registry } = config;
  const registryHost = registry.push.split("/")[0]!;
  const address = use.server === undefined ? undefined : new URL(use.server).hostname;
  const toCluster = use.server === undefined ? undefined : through(use.server);
  if (toCluster && isIP(address!) === 4 && PRIVATE.check(address!)) {
    throw new Failure(
      `kubectl and Terraform reach the cluster at ${address} through the proxy ${toCluster}, although it is a private address.`,
      `If the proxy cannot reach that network, add ${address} to NO_PROXY.`,
    );
  }
  const toHub = through("https://registry-1.docker.io");
  if (use.mustBuild && toHub) {
    const format = ["info", "--format", "{{.HTTPSProxy}}"];
    const engine = await run("docker", [...engineFlags(config), ...format], { timeoutMs: 20_000 }).catch(
      (error: unknown) => {
        if (error instanceof RunError) return undefined;
        throw error;
      },
    );
    if (engine?.stdout.trim() === "") {
      throw new Failure(
        `This machine uses the proxy ${toHub}, but the Docker engine has no proxy, so it may be unable to pull base images.`,
        "Set the engine's proxy: https://docs.docker.com/engine/daemon/proxy. If the engine has direct access, ignore this.",
      );
    }
  }
  const scheme = registry.insecure ? "http" : "https";
  const ways = [
    ["registry", through(`${scheme}://${registryHost}`)],
    ["charts", through("https://ghcr.io")],
    ...(use.server === undefined ? [] : [["cluster", toCluster] as const]),
  ] as const;
  return ways.map(([what, proxy]) => `${what}: ${proxy ?? "direct"}`).join(", ");
}
