/**
 * What k6 runs, and what it tells meanwhile. Open loop: requests start by the clock, whatever
 * became of those before, so that a slow system cannot slow its own load down.
 * k6's HTTP API: https://grafana.com/docs/k6/latest/misc/k6-rest-api/
 */
import { stages, type Shape } from "./profile";

/** Upper bounds of the latency buckets, ms. */
export const BOUNDS = [
  1, 2, 3, 4, 5, 7, 10, 15, 20, 30, 40, 50, 70, 100, 150, 200, 300, 500, 700, 1000, 2000, 5000, 10000,
];

/** Longest wait for an answer, seconds. */
const TIMEOUT_SECONDS = 10;
/** Keys that are read and written. */
const KEYS = 100;

export interface ScriptOptions {
  readonly shape: Shape;
  /** The API's `/item`, as the load reaches it. */
  readonly target: string;
  /** Percent of the requests that write. */
  readonly writes: number;
}

/** Requests in work at most; what is due beyond is counted, not sent: memory stays bounded. */
export const virtualUsers = ({ rate }: Shape): number => Math.min(1000, Math.max(20, Math.round(rate / 2)));

/** The script, as k6 takes it. Latency is counted by bucket, so that each second has its own percentiles. */
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
  // a key that is not there is an answer; "too much to do" is one too, but not the one that was asked for
  if (status === 503) refused.add(1);
  else if (status === 200 || status === 201 || status === 404) answered.add(1);
  else failed.add(1);
  let bucket = 0;
  while (bucket < bounds.length && timings.duration > bounds[bucket]) bucket++;
  buckets[bucket].add(1);
}
`;

/** Counters since the start. */
export interface Counts {
  readonly answered: number;
  /** 503: the API said that it had too much to do. */
  readonly refused: number;
  /** Other errors, and no answer at all. */
  readonly failed: number;
  /** Due, but not sent: too many were in work. */
  readonly dropped: number;
  /** Answers by latency: one count for each of {@link BOUNDS}, and one for what took longer. */
  readonly buckets: readonly number[];
}

/** From k6's \`/v1/metrics\`: counters that were never added to are not there. */
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

/** k6's execution status from which on nothing is sent any more: ended, or interrupted. */
const ENDED = 8;
const RUNNING = 6;

export function parseStatus(text: string): "starting" | "running" | "ended" {
  const { data } = JSON.parse(text) as { data: { attributes: { status: number } } };
  const { status } = data.attributes;
  return status >= ENDED ? "ended" : status >= RUNNING ? "running" : "starting";
}

/** Flags beside the script: an API that can be asked, no summary, and it stays until its figures were read. */
export const k6Flags = (address: string): string[] => [
  "run",
  "--quiet",
  "--no-summary",
  "--no-usage-report",
  "--no-color",
  "--linger",
  `--address=${address}`,
];
