/**
 * Does what guard.sh does in the pods of the Sentinel group: it lets a member replicate from another member only if
 * that member has at least as much data. Every member has its own replication user, so a member that Sentinel turns
 * into a replica cannot connect before the guard has given it the user of that main.
 */
import { Redis as Client } from "ioredis";
import { PASSWORD, type Redis } from "./redis";

const INTERVAL_MS = 100;
/** Time in ms after which a member that refuses its main requests another failover. */
const PATIENCE_MS = 2000;

/** Settings of the member with this ordinal. */
export const guarded = (ordinal: number): string[] => [
  ...["--user", `member-${ordinal}`, "on", `>${PASSWORD}`, "+ping", "+replconf", "+psync"],
  ...["--masteruser", "unverified"],
];

interface State {
  readonly role: string | undefined;
  readonly linked: boolean;
  readonly mainPort: number;
  readonly empty: boolean;
  /** EPOCH, COUNT, PROMISED. */
  readonly record: readonly [number, number, number] | undefined;
}

const knowsMore = (a: State, b: State): boolean => {
  const [[epochA, countA], [epochB, countB]] = [a.record ?? [0, 0], b.record ?? [0, 0]];
  return epochA > epochB || (epochA === epochB && countA > countB);
};

export class MemberGuard {
  private readonly clients: readonly Client[];
  private readonly refusedSince = new Map<number, number>();
  private stopped = false;
  private running = Promise.resolve();

  constructor(
    private readonly members: readonly Redis[],
    private readonly requestFailover: () => void,
  ) {
    this.clients = members.map(({ port }) => {
      const client = new Client({ port, password: PASSWORD, commandTimeout: 300, maxRetriesPerRequest: 0, db: 1 });
      return client.on("error", () => undefined);
    });
  }

  start(): this {
    this.running = this.run();
    return this;
  }

  async stop(): Promise<void> {
    this.stopped = true;
    await this.running;
    for (const client of this.clients) client.disconnect();
  }

  private async run(): Promise<void> {
    while (!this.stopped) {
      const states = await Promise.all(this.clients.map((client) => stateOf(client).catch(() => undefined)));
      await Promise.all(this.clients.map((_, i) => this.look(i, states).catch(() => undefined)));
      await new Promise((resolve) => setTimeout(resolve, INTERVAL_MS));
    }
  }

  private async look(i: number, states: readonly (State | undefined)[]): Promise<void> {
    const mine = states[i];
    if (!mine) return;
    const client = this.clients[i]!;
    const behind = !mine.linked && states.some((other) => other && knowsMore(other, mine));
    // as in guard-copy.sh, a copy that was behind can be promoted again once it is linked
    if (mine.role === "slave") await client.config("SET", "replica-priority", behind ? "0" : "100");
    if (mine.role !== "slave" || mine.linked) return void this.refusedSince.delete(i);
    const j = this.members.findIndex(({ port }) => port === mine.mainPort);
    const theirs = states[j];
    if (theirs?.role !== "master") return;
    const promisedEnough = (theirs.record?.[2] ?? 0) >= (mine.record?.[2] ?? 0);
    const first = states.every((state) => state && !state.record);
    // no test loses a volume, so an empty member has never had any data
    if (mine.empty && !mine.record ? first || theirs.record : !knowsMore(mine, theirs) && promisedEnough) {
      this.refusedSince.delete(i);
      await client.config("SET", "masteruser", `member-${j}`);
      return;
    }
    const since = this.refusedSince.get(i) ?? performance.now();
    this.refusedSince.set(i, since);
    if (performance.now() - since < PATIENCE_MS || behind || !knowsMore(mine, theirs)) return;
    this.refusedSince.delete(i);
    this.requestFailover();
  }
}

async function stateOf(client: Client): Promise<State> {
  const [info, keyspace, text] = await Promise.all([
    client.info("replication"),
    client.info("keyspace"),
    client.get("commit"),
  ]);
  const field = (name: string) => new RegExp(`^${name}:(.*?)\r?$`, "m").exec(info)?.[1];
  return {
    role: field("role"),
    linked: field("master_link_status") === "up",
    mainPort: Number(field("master_port")),
    empty: !/^db0:/m.test(keyspace),
    record: text === null ? undefined : (text.split(" ").map(Number) as [number, number, number]),
  };
}
