/** Starts a real Redis main, a client for it, and the API in front of it. */
import { Redis as Client } from "ioredis";
import { startApi, type Api } from "./api";
import { eventually, freePort, PASSWORD, Redis } from "./redis";

interface Chosen {
  /** Redis settings, as arguments. */
  readonly redis?: readonly string[];
  /** The API's environment variables. */
  readonly env?: Record<string, string>;
  /** Fills Redis before the API starts. */
  readonly fill?: (client: Client) => Promise<unknown>;
}

export class ApiOnMain {
  private constructor(
    readonly main: Redis,
    readonly client: Client,
    readonly api: Api,
  ) {}

  /** Resolves once the API is ready. */
  static async start({ redis, env, fill }: Chosen = {}): Promise<ApiOnMain> {
    const main = await new Redis(await freePort(), undefined, redis).start();
    const client = new Client({ port: main.port, password: PASSWORD });
    await fill?.(client);
    const api = await startApi(main.url, undefined, env);
    await eventually("the API to be ready", async () => (await api.fetch("/readyz")).status === 200);
    return new ApiOnMain(main, client, api);
  }

  /** Lookups complete a resize of Redis' table, during which a scan may return a key twice. */
  async settle(): Promise<void> {
    await this.client.eval("for i = 1, 5000 do redis.call('EXISTS', i) end", 0);
  }

  async stop(): Promise<void> {
    this.client.disconnect();
    await this.api.server.stop();
    await this.main.stop();
  }
}
