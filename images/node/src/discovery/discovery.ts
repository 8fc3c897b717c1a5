/**
 * Which replicas there are, from the most exact source that answers.
 *
 * 1. The EndpointSlices of the replicas' Service, watched: known within milliseconds of Ready.
 * 2. DNS with a record a replica (a headless Service): known as soon as its caches allow.
 * 3. Fixed addresses: one connection to each, so one replica at a time where several are behind it.
 *
 * A source that fails after it has answered keeps its last answer: the pool sees for itself which
 * of those replicas live.
 */
import { log } from "../log";
import type { ApiConfig } from "../config";
import { DnsSource } from "./dns";
import { WatchSource } from "./endpoint-slices";
import type { Member, Source } from "./source";

/** Before a less exact source is used, an exact one has this long to answer first, ms. */
const FALLBACK_DELAY_MS = 1000;

export class Discovery {
  private readonly sources: Source[] = [];
  private readonly answers: (readonly Member[] | undefined)[] = [];
  private used = -1;
  private waiting = true;
  private timer: NodeJS.Timeout | undefined;

  constructor(
    config: Pick<ApiConfig, "replicasWatch" | "replicasDns" | "replicas">,
    private readonly update: (members: readonly Member[]) => void,
  ) {
    if (config.replicasWatch) this.sources.push(new WatchSource(config.replicasWatch));
    if (config.replicasDns) this.sources.push(new DnsSource(config.replicasDns));
    if (config.replicas.length > 0) {
      this.sources.push({
        name: "address",
        start: (found) => found(config.replicas.map(({ host, port }) => ({ name: `${host}:${port}`, host, port }))),
        stop: () => undefined,
      });
    }
  }

  start(): void {
    this.sources.forEach((source, i) =>
      source.start((members) => {
        this.answers[i] = members;
        this.use();
      }),
    );
    this.timer = setTimeout(() => {
      this.waiting = false;
      this.use();
    }, FALLBACK_DELAY_MS);
  }

  stop(): void {
    clearTimeout(this.timer);
    for (const source of this.sources) source.stop();
  }

  /** Name of the source in use. */
  get source(): string {
    return this.sources[this.used]?.name ?? "none";
  }

  private use(): void {
    const best = this.answers.findIndex((members) => members !== undefined);
    if (best < 0 || (best > 0 && this.waiting)) return;
    if (best !== this.used) {
      this.used = best;
      log("info", "replicas are found by", { source: this.source });
    }
    this.update(this.answers[best]!);
  }
}
