/** The state of this process and of Redis as JSON, for the page. */
import { randomUUID } from "node:crypto";
import { hostname } from "node:os";
import type { Admission } from "../admission";
import type { Connection } from "../redis/connection/connection";
import { asRedisError } from "../redis/connection/errors";
import type { ReplicaState } from "../redis/reads/replica";
import { HEAD_BYTES, type Store } from "../redis/store";

/** Identifies this process in responses. */
export const serverId = randomUUID();

export interface Status {
  readonly server: { readonly id: string; readonly name: string; readonly uptimeSeconds: number };
  /** Counted since the start; to get a rate, take the difference between two responses of the same server. */
  readonly requests: { readonly answered: number; readonly inFlight: number; readonly shed: number };
  readonly main: { readonly up: boolean };
  /** Discovery source in use: watch, dns, address or none. */
  readonly source: string;
  readonly replicas: readonly {
    readonly name: string;
    readonly state: ReplicaState;
    /** null if unknown */
    readonly lagSeconds: number | null;
    /** Number of reads that the replica has answered for this server. */
    readonly reads: number;
  }[];
  readonly readsFromMain: number;
}

export const statusOf = (store: Store, admission: Admission): Status => ({
  server: { id: serverId, name: hostname(), uptimeSeconds: Math.round(process.uptime()) },
  requests: {
    answered: admission.finished,
    inFlight: admission.inFlight,
    shed: Object.values(admission.shed).reduce((sum, count) => sum + count, 0),
  },
  main: { up: store.main.usable },
  source: store.discovery.source,
  replicas: store.pool.all.map(({ name, state, lagMs, answered }) => ({
    name,
    state,
    lagSeconds: lagMs === undefined ? null : lagMs / 1000,
    reads: answered,
  })),
  readsFromMain: store.readsFromMain.strong + store.readsFromMain.fallback,
});

/** One instance's copy of a key. */
export interface Copy {
  readonly name: string;
  /** Size of the value; null if there is no such key. */
  readonly bytes: number | null;
  /** Whether the value equals main's: the same length and the same first {@link HEAD_BYTES}. */
  readonly same: boolean;
  /** Response time of the instance, in ms. */
  readonly ms: number;
}
export interface Copies {
  readonly main: Copy;
  /** For a replica that did not answer, the reason instead. */
  readonly replicas: readonly (Copy | { readonly name: string; readonly reason: string })[];
}

/** Compares a key on all instances. Rejects if main does not answer. */
export async function copiesOf(store: Store, id: string): Promise<Copies> {
  const readCopy = async (connection: Connection) => {
    const begin = performance.now();
    const [exists, bytes, head] = await connection.send((client) =>
      Promise.all([client.exists(id), client.strlen(id), client.getrange(id, 0, HEAD_BYTES - 1)]),
    );
    return { bytes: exists ? bytes : null, head, ms: performance.now() - begin };
  };
  // a snapshot: members may join or leave during the queries
  const members = store.pool.all;
  // all are queried at the same time, so that any difference is due to replication lag
  const [main, ...replicas] = await Promise.all([
    readCopy(store.main.connection).catch((error: unknown) => Promise.reject(asRedisError(error))),
    ...members.map((replica) =>
      replica.connection.usable
        ? readCopy(replica.connection).catch((error: Error) => error.message)
        : Promise.resolve(`not queried: ${replica.state}`),
    ),
  ]);
  return {
    main: { name: "main", bytes: main.bytes, same: true, ms: main.ms },
    replicas: replicas.map((found, i) => {
      const { name } = members[i]!;
      if (typeof found === "string") return { name, reason: found };
      return { name, bytes: found.bytes, same: found.bytes === main.bytes && found.head === main.head, ms: found.ms };
    }),
  };
}
