/** The gauges of one pod. */
import * as http from "node:http";
import type { Signal } from "../config";
import { gauge } from "./parse";

/** Values older than this are treated as missing, because the pod hangs. */
export const MISSING_AFTER_MS = 3000;
/** A longer answer is rejected; a large application's metrics take about a tenth of this size. */
const MAX_BYTES = 4 * 1024 * 1024;

export interface Source {
  /** Port and path, including the query, at which the pods report their gauges. */
  readonly port: number;
  readonly path: string;
  readonly signals: readonly Signal[];
  readonly agent: http.Agent;
  /** Called for each value that is rejected. */
  readonly rejected: (pod: string, metric: string, value: number) => void;
}

export class PodGauges {
  private request: http.ClientRequest | undefined;
  private values: ReadonlyMap<string, number> = new Map();
  private readAt = -Infinity;
  /** Whether the last request took longer than a tick; if so, decisions do not wait for this pod. */
  private isLate = false;

  constructor(
    readonly name: string,
    private readonly ip: string,
    private readonly source: Source,
  ) {}

  /**
   * Reads the gauges, unless a request is still in flight. A request may take longer than a tick, because an overloaded
   * pod answers late, and its figures are the ones that matter.
   *
   * @returns undefined if the caller should not wait for the answer
   */
  read(): Promise<void> | undefined {
    if (this.request) {
      this.isLate = true;
      return undefined;
    }
    const wait = !this.isLate;
    const done = this.fetch()
      .then((text) => {
        this.isLate = false;
        this.values = this.parse(text);
        this.readAt = performance.now();
      })
      // the last values are used until they are too old
      .catch(() => undefined);
    return wait ? done : undefined;
  }

  /** The value of a metric; undefined if it is missing or too old. */
  value(metric: string, now: number): number | undefined {
    return now - this.readAt > MISSING_AFTER_MS ? undefined : this.values.get(metric);
  }

  stop(): void {
    this.request?.destroy();
  }

  private parse(text: string): ReadonlyMap<string, number> {
    const values = new Map<string, number>();
    for (const { metric, limit } of this.source.signals) {
      const value = gauge(text, metric);
      if (value === undefined) continue;
      if (Number.isFinite(value) && value >= 0 && value <= limit) values.set(metric, value);
      else this.source.rejected(this.name, metric, value);
    }
    return values;
  }

  private fetch(): Promise<string> {
    const { port, path, agent } = this.source;
    return new Promise((resolve, reject) => {
      const options = { host: this.ip, port, path, agent };
      const request = http.get(options, (response) => {
        if (response.statusCode !== 200) {
          response.resume();
          return failed(new Error(`status ${response.statusCode}`));
        }
        let text = "";
        response.setEncoding("utf8");
        response.on("data", (chunk: string) => {
          text += chunk;
          if (text.length > MAX_BYTES) request.destroy(new Error("answer too long"));
        });
        response.on("error", failed);
        response.on("end", () => {
          ended();
          resolve(text);
        });
      });
      this.request = request;
      const timer = setTimeout(() => request.destroy(new Error("no answer")), MISSING_AFTER_MS);
      const ended = () => {
        clearTimeout(timer);
        if (this.request === request) this.request = undefined;
      };
      const failed = (error: Error) => {
        ended();
        reject(error);
      };
      request.on("error", failed);
      // has no effect after an answer
      request.once("close", () => failed(new Error("closed")));
    });
  }
}
