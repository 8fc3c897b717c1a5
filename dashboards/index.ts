import { application } from "./application";
import { autoscaling } from "./autoscaling";
import { redis } from "./redis";

/** Every dashboard of ours, by file name. */
export const dashboards = (namespace: string): Readonly<Record<string, object>> => ({
  "application.json": application(namespace),
  "redis.json": redis(namespace),
  "autoscaling.json": autoscaling(namespace),
});
