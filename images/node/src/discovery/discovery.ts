/**
 * Discovers the replicas, using the most precise source that answers.
 *
 * 1. A watch of the EndpointSlices of the replicas' Service: within milliseconds of a replica becoming Ready.
 * 2. DNS with one record per replica (a headless Service): as soon as DNS caches expire.
 * 3. Fixed addresses, one connection each: if several replicas share an address, only one is used at a time.
 *
 * A source that answered and then fails several times counts as lost: the next source that finds replicas takes over,
 * until the first one is back. If none does, the last answer stays valid, because the replica pool itself detects which
 * replicas are alive.
 */
import { log } from "../log";
import type { ApiConfig } from "../config";
import { DnsSource } from "./dns";
import { WatchSource } from "./endpoint-slices";
import type { Member, Source } from "./source";

/** How long, in ms, less precise sources are not used, so that a more precise one can answer first. */
const FALLBACK_DELAY_MS = 1000;

export class Discovery {
  private readonly sources: Source[] = [];
  private readonly answers: (readonly Member[] | undefined)[] = [];
  /** Sources whose answer may be out of date. */
  private readonly lost = new Set<Source>();
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
      source.start(
        (members) => {
          this.lost.delete(source);
          this.answers[i] = members;
          this.use();
        },
        () => {
          this.lost.add(source);
          this.use();
        },
      ),
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

  /** Names of the sources that may be used. */
  get names(): readonly string[] {
    return this.sources.map((source) => source.name);
  }

  private use(): void {
    const best = this.best();
    if (best < 0 || (best > 0 && this.waiting)) return;
    if (best !== this.used) {
      this.used = best;
      log("info", "replica discovery source", { source: this.source });
    }
    this.update(this.answers[best]!.map((member) => this.named(member)));
  }

  /** Index of the source to use; -1 if none has answered. */
  private best(): number {
    const answered = (i: number) => this.answers[i] !== undefined;
    const finds = this.sources.findIndex(
      (source, i) => answered(i) && source.name !== "address" && !this.lost.has(source),
    );
    if (finds >= 0) return finds;
    // an outdated list of all replicas is better than one connection to one of them
    return answered(this.used) ? this.used : this.sources.findIndex((_, i) => answered(i));
  }

  /**
   * The member, under the name that a more precise source gave it, so that its connection survives a change of source.
   */
  private named(member: Member): Member {
    const known = this.answers.flatMap((all) => all ?? []);
    return known.find(({ host, port }) => host === member.host && port === member.port) ?? member;
  }
}
