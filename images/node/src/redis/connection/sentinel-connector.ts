/** ioredis' way to main through Sentinels, without its noise, and without a change of main that it has made already. */
import { type Redis, type RedisOptions, SentinelConnector } from "ioredis";

type Open = (...args: unknown[]) => Redis;
type Listener = (...args: unknown[]) => void;

/** Address and port of the new main. Source: redis.io, Sentinel, "Pub/Sub messages": NAME OLD-IP OLD-PORT NEW-IP NEW-PORT. */
const newMain = (message: unknown) => String(message).split(" ").slice(3, 5).join(":");

/**
 * It listens to every Sentinel for a change of main. It would write to the console, with its stack, that it could not
 * reach one: that is no error while others answer. And it would drop its connection for each Sentinel that tells: the
 * last may learn of the change seconds after the first, when writes are under way on the new main for long.
 */
class QuietSentinelConnector extends SentinelConnector {
  constructor(options: ConstructorParameters<typeof SentinelConnector>[0]) {
    super(options);
    const self = this as unknown as {
      connectToSentinel: Open;
      stream?: { remoteAddress?: string; remotePort?: number };
    };
    const open = self.connectToSentinel.bind(this);
    const leadsTo = (main: string) => main === `${self.stream?.remoteAddress}:${self.stream?.remotePort}`;
    self.connectToSentinel = (...args) => {
      const client = open(...args);
      client.on("error", () => undefined);
      const on = client.on.bind(client) as (event: string, listener: Listener) => Redis;
      const unlessThere =
        (listener: Listener): Listener =>
        (channel, message) => {
          if (!leadsTo(newMain(message))) listener(channel, message);
        };
      (client as { on: typeof on }).on = (event, listener) =>
        on(event, event === "message" ? unlessThere(listener) : listener);
      return client;
    };
  }
}

/** For the option `Connector`. */
export const QUIET_CONNECTOR = QuietSentinelConnector as unknown as NonNullable<RedisOptions["Connector"]>;
