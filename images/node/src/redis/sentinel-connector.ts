/** ioredis' way to main through Sentinels, without its noise. */
import { type Redis, type RedisOptions, SentinelConnector } from "ioredis";

type Open = (...args: unknown[]) => Redis;

/**
 * It listens to every Sentinel for a change of main, and writes to the console, with its stack, that it could not reach
 * one: that is no error while others answer.
 */
class QuietSentinelConnector extends SentinelConnector {
  constructor(options: ConstructorParameters<typeof SentinelConnector>[0]) {
    super(options);
    const self = this as unknown as { connectToSentinel: Open };
    const open = self.connectToSentinel.bind(this);
    self.connectToSentinel = (...args) => {
      const client = open(...args);
      client.on("error", () => undefined);
      return client;
    };
  }
}

/** For the option `Connector`. */
export const QUIET_SENTINELS = QuietSentinelConnector as unknown as NonNullable<RedisOptions["Connector"]>;
