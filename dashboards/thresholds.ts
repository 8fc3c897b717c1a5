/** Where it gets serious: one number for the line in a panel and for the alert. */
export const THRESHOLDS = {
  /** Share of maxmemory. */
  redisMemory: 0.85,
  /** Share of main's volume that the append-only file may take: its rewrite needs as much again. */
  redisVolume: 0.45,
  /** Seconds that a replica is behind main, as the API sees it, where config knows no other bound. */
  replicaLag: 5,
  /** Share of requests that are refused at once. */
  refused: 0.01,
  /** Share of reads that no replica could answer. */
  readsFromMain: 0.1,
  /** Times that an autoscaler turns round in half an hour. */
  turns: 5,
  /** Restarts of a container in a quarter of an hour. */
  restarts: 3,
  /** Share of the nodes' CPU or memory that is requested. */
  requested: 0.9,
} as const;

/** How many times faster than allowed a budget is used, when it matters. */
export const BURN = {
  /** 2 % of a month's budget in an hour. */
  fast: 14.4,
  /** 5 % in six hours. */
  steady: 6,
  /** 10 % in a day. */
  slow: 3,
  /** As fast as allowed, for three days. */
  creeping: 1,
} as const;
