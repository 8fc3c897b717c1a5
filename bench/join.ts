/** Measures how long replicas take to sync 1 million keys, with the project's settings and with Redis' defaults. */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { row, rowsTable } from "../test/helpers/publish";
import { PASSWORD, runScript, writePod } from "../test/helpers/redis-pod";
import { freePort } from "../images/node/test/helpers/redis";
import { interval, median, pause, publish } from "./lib";

const KEYS = 1_000_000;
const ROUNDS = 7;
const GOAL = 0.5;
const FILL = `for i = 1, ${KEYS} do redis.call('SET', 'key:' .. i, string.rep('v', 100)) end`;

const work = fs.mkdtempSync(path.join(os.tmpdir(), "iac-join-"));
const running: Instance[] = [];

/** A Redis process, with the project's configuration or with Redis' defaults. */
class Instance {
  private constructor(
    readonly port: number,
    private readonly child: ChildProcess,
    private readonly dir: string,
    private readonly login: readonly string[],
  ) {
    running.push(this);
  }

  static async start(kind: "ours" | "stock", mainPort?: number): Promise<Instance> {
    const port = await freePort();
    const dir = fs.mkdtempSync(path.join(work, "redis-"));
    if (kind === "stock") {
      const args = ["--port", String(port), "--dir", dir, "--bind", "127.0.0.1"];
      if (mainPort !== undefined) args.push("--replicaof", "127.0.0.1", String(mainPort));
      return new Instance(port, spawn("redis-server", args, { stdio: "ignore" }), dir, []);
    }
    const replace = { "replicaof redis-main 6379": `replicaof 127.0.0.1 ${mainPort}`, "port 6379": `port ${port}` };
    writePod(dir, { replace });
    runScript(dir, ["access.sh", "users"]);
    const file = path.join(dir, "etc", mainPort === undefined ? "main.conf" : "replica.conf");
    const child = spawn("redis-server", [file, "--bind", "127.0.0.1"], { cwd: dir, stdio: "ignore" });
    return new Instance(port, child, dir, ["--user", "admin", "--pass", PASSWORD, "--no-auth-warning"]);
  }

  redisCli(...args: string[]): string {
    try {
      const at = ["-h", "127.0.0.1", "-p", String(this.port), ...this.login];
      return execFileSync("redis-cli", [...at, ...args], { encoding: "utf8", timeout: 120_000, stdio: "pipe" }).trim();
    } catch {
      // not running yet
      return "";
    }
  }

  async until(what: string, condition: () => boolean): Promise<void> {
    for (const end = Date.now() + 120_000; !condition(); await pause(20)) {
      if (Date.now() > end) throw new Error(`waited 120 s until ${what}`);
    }
  }

  /** Resolves when the sync is complete, which is what the readiness probe checks. */
  synced(): Promise<void> {
    return this.until("a replica is synced", () =>
      this.redisCli("INFO", "replication").includes("master_link_status:up"),
    );
  }

  async stop(): Promise<void> {
    const exited = new Promise((resolve) => this.child.once("exit", resolve));
    if (this.child.exitCode === null && this.child.signalCode === null) {
      this.child.kill("SIGKILL");
      await exited;
    }
    fs.rmSync(this.dir, { recursive: true, force: true });
  }
}

const seconds: Record<string, number[]> = {};
try {
  const mains = { ours: await Instance.start("ours"), stock: await Instance.start("stock") };
  for (const main of Object.values(mains)) {
    await main.until("main answers", () => main.redisCli("PING") === "PONG");
    main.redisCli("EVAL", FILL, "0");
    if (main.redisCli("DBSIZE") !== String(KEYS)) throw new Error("main could not be filled");
  }
  for (let round = 1; round <= ROUNDS; round++) {
    for (const joining of [1, 3]) {
      for (const kind of round % 2 ? (["ours", "stock"] as const) : (["stock", "ours"] as const)) {
        // waits for background saves of the previous run, which would distort this one
        for (const main of Object.values(mains))
          await main.until("no background save runs", () =>
            /rdb_bgsave_in_progress:0[^]*aof_rewrite_in_progress:0/.test(main.redisCli("INFO", "persistence")),
          );
        const begin = performance.now();
        const replicas = await Promise.all(
          Array.from({ length: joining }, () => Instance.start(kind, mains[kind].port)),
        );
        await Promise.all(replicas.map((r) => r.synced()));
        const took = (performance.now() - begin) / 1000;
        (seconds[`${kind} ${joining}`] ??= []).push(took);
        console.log(`round ${round}: ${joining} joining, ${kind}: ${took.toFixed(2)} s`);
        for (const r of replicas) await r.stop();
      }
    }
  }
  const ratio = (joining: number) => {
    const [ours, stock] = [seconds[`ours ${joining}`]!, seconds[`stock ${joining}`]!];
    const ratios = ours.map((s, i) => s / stock[i]!);
    const [low, high] = interval(ratios);
    const of = median(ratios);
    return row(
      `${joining === 1 ? "one replica joins" : `${joining} replicas join at once`}: time until the last one has synced, relative to stock`,
      `**${of.toFixed(2)}×** (95 % interval ${low.toFixed(2)} to ${high.toFixed(2)}); ${median(ours).toFixed(1)} s and ${median(stock).toFixed(1)} s`,
      `≤ ${GOAL}×`,
      of <= GOAL,
    );
  };
  publish("join", rowsTable([ratio(1), ratio(3)]), { keys: KEYS, seconds });
} finally {
  for (const one of running) await one.stop();
  fs.rmSync(work, { recursive: true, force: true });
}
