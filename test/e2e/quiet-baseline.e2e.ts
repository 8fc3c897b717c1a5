/** Tier `quiet-baseline`: a healthy system says nothing for half an hour, and watching it costs little. */
import { activeAlerts } from "./helpers/alerts";
import { removeAfterFailure, step } from "./helpers/steps";
import {
  expectAsBefore,
  expectNothingOfOurs,
  inventory,
  monitoring,
  npmRunWith,
  prometheus,
  query,
} from "./helpers/system";

// a backup is made meanwhile
const env = { IAC_REDIS_BACKUP_SCHEDULE: "*/20 * * * *" };
/** Alerts that say that nothing is wrong. */
const QUIET = ["Watchdog", "InfoInhibitor"];

let before: string[];
removeAfterFailure(env);

/** What the whole of the monitoring namespace takes. */
const LIMITS = { memory: 1.2 * 2 ** 30, cores: 0.3 };

step(
  "half an hour of nothing: nothing fires but the heartbeat, nothing is left pending, every target is up, at a small cost",
  async () => {
    await expectNothingOfOurs();
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

step("down leaves nothing, and everything else as it was", async () => {
  expect((await npmRunWith(env, "down", "--yes")).code).toBe(0);
  await expectAsBefore(before);
});
