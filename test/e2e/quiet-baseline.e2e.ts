/** Tier `quiet-baseline`: a healthy system raises no alert for half an hour, and monitoring it costs little. */
import { activeAlerts } from "./helpers/alerts";
import { removeAfterFailure, step } from "./helpers/steps";
import {
  expectAsBefore,
  expectNoDeployment,
  inventory,
  monitoring,
  npmRunWith,
  prometheus,
  query,
} from "./helpers/system";

// a backup runs during that time
const env = { IAC_REDIS_BACKUP_SCHEDULE: "*/20 * * * *" };
/** Alerts that also fire in a healthy system. */
const QUIET = ["Watchdog", "InfoInhibitor"];

let before: string[];
removeAfterFailure(env);

/** Limits for the whole monitoring namespace. */
const LIMITS = { memory: 1.2 * 2 ** 30, cores: 0.3 };

step(
  "during half an hour only the heartbeat fires, no alert stays pending, every target is up, and the cost is small",
  async () => {
    await expectNoDeployment();
    before = await inventory();
    expect((await npmRunWith(env, "up")).code).toBe(0);
    const end = Date.now() + 30 * 60_000;
    const fired = new Set<string>();
    let now: string[] = [];
    while (Date.now() < end) {
      const alerts = (await activeAlerts()).filter((a) => !QUIET.includes(a.labels["alertname"]!));
      now = alerts.map((a) => `${a.labels["alertname"]} (${a.state})`);
      for (const a of alerts) if (a.state === "firing") fired.add(a.labels["alertname"]!);
      await new Promise((resolve) => setTimeout(resolve, 15_000));
    }
    expect({ fired: [...fired], now }).toEqual({ fired: [], now: [] });
    const { activeTargets } = await prometheus<{ activeTargets: { health: string; scrapePool: string }[] }>("targets");
    expect(activeTargets.filter((t) => t.health !== "up").map((t) => t.scrapePool)).toEqual([]);
    const containers = `{namespace="${monitoring}", container!=""}`;
    const value = async (expr: string) => Number((await query(expr))[0]?.value[1]);
    const cost = {
      memory: await value(`sum(max_over_time(container_memory_working_set_bytes${containers}[20m]))`),
      cores: await value(`sum(rate(container_cpu_usage_seconds_total${containers}[20m]))`),
    };
    console.log(`monitoring: ${Math.round(cost.memory / 2 ** 20)} MiB at most, ${cost.cores.toFixed(3)} cores`);
    expect(cost.memory).toBeLessThanOrEqual(LIMITS.memory);
    expect(cost.cores).toBeLessThanOrEqual(LIMITS.cores);
  },
  40,
);

step("`down` removes everything that `up` deployed, and nothing else", async () => {
  expect((await npmRunWith(env, "down", "--yes")).code).toBe(0);
  await expectAsBefore(before);
});
