/**
 * k6's script, and how to read its figures. The load is an open loop: requests start on schedule even if earlier
 * ones are still in flight, so a slow system cannot reduce its own load.
 * k6's HTTP API: https://grafana.com/docs/k6/latest/misc/k6-rest-api/
 */
import { stages, type Shape } from "./profile";

/** Upper bounds of the latency buckets, in ms. */
export const BOUNDS = [
  1, 2, 3, 4, 5, 7, 10, 15, 20, 30, 40, 50, 70, 100, 150, 200, 300, 500, 700, 1000, 2000, 5000, 10000,
];

/** Timeout of a request, in seconds. */
const TIMEOUT_SECONDS = 10;
/** Keys that are read and written. */
const KEYS = 100;

export interface ScriptOptions {
  readonly shape: Shape;
  /** URL of the API's `/item`. */
  readonly target: string;
  /** Percent of the requests that write. */
  readonly writes: number;
}

/**
 * Maximum number of requests in flight. Requests beyond this number are counted but not sent, so that memory use stays
 * bounded.
 */
export const virtualUsers = ({ rate }: Shape): number => Math.min(1000, Math.max(20, Math.round(rate / 2)));

/** The k6 script. It counts latencies by bucket, so that percentiles can be computed for each second. */
export const k6Script = ({ shape, target, writes }: ScriptOptions): string => `
import http from "k6/http";
import { Counter } from "k6/metrics";

const bounds = ${JSON.stringify(BOUNDS)};
const buckets = [...bounds, "more"].map((bound) => new Counter("within_" + bound));
const answered = new Counter("answered");
const refused = new Counter("refused");
const failed = new Counter("failed");

export const options = {
  discardResponseBodies: true,
  scenarios: {
    load: {
      executor: "ramping-arrival-rate",
      timeUnit: "1s",
      startRate: ${shape.base},
      stages: ${JSON.stringify(stages(shape).map((s) => ({ target: s.target, duration: `${s.seconds}s` })))},
      preAllocatedVUs: ${virtualUsers(shape)},
      maxVUs: ${virtualUsers(shape)},
      gracefulStop: "${TIMEOUT_SECONDS}s",
    },
  },
};

const target = ${JSON.stringify(target)};
const params = { timeout: "${TIMEOUT_SECONDS}s", headers: { "content-type": "application/json" } };
let i = __VU * 7919;

export default function () {
  i++;
  const id = "load-" + (i % ${KEYS});
  const response = i % 100 < ${writes}
    ? http.post(target, JSON.stringify({ id, val: "v" + i }), params)
    : http.get(target + "?id=" + id, params);
  const { status, timings } = response;
  // 404 is a valid answer for a missing key; 503 means that the API sheds load
  const result = status === 503 ? refused : [200, 201, 404].includes(status) ? answered : failed;
  result.add(1);
  let bucket = 0;
  while (bucket < bounds.length && timings.duration > bounds[bucket]) bucket++;
  buckets[bucket].add(1);
}
`;

/** Counters since the start. */
export interface Counts {
  readonly answered: number;
  /** 503: the API shed load. */
  readonly refused: number;
  /** Other errors and timeouts. */
  readonly failed: number;
  /** Requests that were due but not sent, because too many were in flight. */
  readonly dropped: number;
  /** Number of responses by latency: one count for each of {@link BOUNDS}, and one for slower responses. */
  readonly buckets: readonly number[];
}

/** From k6's `/v1/metrics`, which omits counters that are still 0. */
export function parseCounts(text: string): Counts {
  const { data } = JSON.parse(text) as { data: { id: string; attributes: { sample: { count?: number } } }[] };
  const count = (id: string): number => data.find((metric) => metric.id === id)?.attributes.sample.count ?? 0;
  return {
    answered: count("answered"),
    refused: count("refused"),
    failed: count("failed"),
    dropped: count("dropped_iterations"),
    buckets: [...BOUNDS, "more"].map((bound) => count(`within_${bound}`)),
  };
}

/** With this or a higher execution status, k6 sends nothing: it has ended or was interrupted. */
const ENDED = 8;
const RUNNING = 6;

export function parseStatus(text: string): "starting" | "running" | "ended" {
  const { data } = JSON.parse(text) as { data: { attributes: { status: number } } };
  const { status } = data.attributes;
  return status >= ENDED ? "ended" : status >= RUNNING ? "running" : "starting";
}

/** k6's flags: enable its API, print no summary, and keep running until the figures have been read. */
export const k6Flags = (address: string): string[] => [
  "run",
  "--quiet",
  "--no-summary",
  "--no-usage-report",
  "--no-color",
  "--linger",
  `--address=${address}`,
];
