/** What this process knows of itself and of Redis, for people who watch it work: JSON, not metrics. */
import { randomUUID } from "node:crypto";
import { hostname } from "node:os";
import type { Admission } from "../admission";
import type { Connection } from "../redis/connection/connection";
import { asRedisError } from "../redis/connection/errors";
import type { ReplicaState } from "../redis/reads/replica";
import { HEAD_BYTES, type Store } from "../redis/store";

/** Names this process in answers, so that a caller sees which server it was. */
export const serverId = randomUUID();

export interface Status {
  readonly server: { readonly id: string; readonly name: string; readonly uptimeSeconds: number };
  /** Counted since the start: a rate is the difference of two answers of the same server. */
  readonly requests: { readonly answered: number; readonly inFlight: number; readonly shed: number };
  readonly main: { readonly up: boolean };
  /** Where replicas are known from: watch, dns, address or none. */
  readonly source: string;
  readonly replicas: readonly {
    readonly name: string;
    readonly state: ReplicaState;
    /** null where it is not known */
    readonly lagSeconds: number | null;
    /** Reads that it answered for this server. */
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

/** What one instance holds of a key: its value's size in bytes, null where there is no such key. */
export interface Copy {
  readonly name: string;
  readonly bytes: number | null;
  /** Whether it is what main holds: the same length and the same first {@link HEAD_BYTES}. */
  readonly same: boolean;
  /** Time that the instance took to answer, ms. */
  readonly ms: number;
}
export interface Copies {
  readonly main: Copy;
  /** Instances that did not answer have a reason instead. */
  readonly replicas: readonly (Copy | { readonly name: string; readonly reason: string })[];
}

/** What each instance holds of a key at this moment. Rejects where main does not answer. */
export async function copiesOf(store: Store, id: string): Promise<Copies> {
  const readCopy = async (connection: Connection) => {
    const begin = performance.now();
    const [exists, bytes, head] = await connection.send((client) =>
      Promise.all([client.exists(id), client.strlen(id), client.getrange(id, 0, HEAD_BYTES - 1)]),
    );
    return { bytes: exists ? bytes : null, head, ms: performance.now() - begin };
  };
  // taken once: members may come and go while they are asked
  const members = store.pool.all;
  // replicas are asked at the same moment as main, so that what they lack is what they lag
  const [main, ...replicas] = await Promise.all([
    readCopy(store.main.connection).catch((error: unknown) => Promise.reject(asRedisError(error))),
    ...members.map((replica) =>
      replica.connection.usable
        ? readCopy(replica.connection).catch((error: Error) => error.message)
        : Promise.resolve(`not asked: ${replica.state}`),
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
