/** Thresholds that panels draw as lines; alerts use the same numbers, unless a comment says otherwise. */
export const THRESHOLDS = {
  /** Share of maxmemory. */
  redisMemory: 0.85,
  /**
   * Used share of main's volume. Between rewrites, the append-only file is at most 1.5 times maxmemory, which is half of
   * the smallest accepted volume; a rewrite takes less than the alert's five minutes.
   */
  redisVolume: 0.7,
  /** Size of main's volume, in multiples of maxmemory, below which it will fill up. The configuration checks use it too. */
  redisVolumes: 3,
  /** Seconds that a replica may lag behind main: the default of node.maxLagSeconds. The alert uses the configured value. */
  replicaLag: 5,
  /** Share of requests that are shed. */
  shed: 0.01,
  /** Share of reads that no replica could answer. */
  readsFromMain: 0.1,
  /** Number of times an autoscaler scales in, and out again, within half an hour. */
  flaps: 5,
  /** Restarts of a container within 15 minutes. */
  restarts: 3,
  /** Requested share of the nodes' CPU or memory. */
  requested: 0.9,
} as const;

/** Burn rates that raise an alert: how many times faster than allowed an error budget is being used. */
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
