/** ioredis' Sentinel connector, without its console output and without redundant reconnects. */
import { type Redis, type RedisOptions, SentinelConnector } from "ioredis";

type Open = (...args: unknown[]) => Redis;
type Listener = (...args: unknown[]) => void;

/**
 * Address and port of the new main, from NAME OLD-IP OLD-PORT NEW-IP NEW-PORT.
 * Source: redis.io, Sentinel, "Pub/Sub messages"
 */
const newMain = (message: unknown) => String(message).split(" ").slice(3, 5).join(":");

/**
 * ioredis subscribes to every Sentinel to detect a failover. It prints an unreachable Sentinel with its stack to the
 * console, although that is not an error while others answer. It also reconnects for every Sentinel that reports the
 * failover: the last one may do so seconds after the first, when writes to the new main are already in flight.
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
