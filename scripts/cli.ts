/** Defines the commands of `npm run …` and their options; each command has its own file. */
import * as path from "node:path";
import { Command, Option } from "commander";
import { PROJECT_ROOT } from "../catalog/paths";
import { ConfigError, loadConfig } from "../config";
import { backup, type BackupOptions } from "./commands/backup";
import { bench, benches } from "./maintenance/bench";
import { compare, type CompareOptions } from "./maintenance/compare";
import { keyReference, showConfig } from "./commands/config";
import { dev } from "./commands/dev";
import { diff } from "./commands/diff";
import { docs } from "./maintenance/docs";
import { doctor } from "./commands/doctor";
import { down, type DownOptions } from "./commands/down";
import { eject } from "./commands/eject";
import { e2e, tiers } from "./maintenance/e2e";
import { load, type LoadOptions } from "./commands/load";
import { logs, WORKLOAD_NAMES, type LogsOptions } from "./commands/logs";
import { manifests } from "./commands/manifests";
import { pictures, PICTURES, type PicturesOptions } from "./maintenance/pictures";
import { rapport } from "./maintenance/rapport";
import { restore } from "./commands/restore";
import { rotate } from "./commands/rotate";
import { sbom } from "./maintenance/sbom";
import { scan } from "./maintenance/scan";
import { smoke } from "./commands/smoke";
import { BACKENDS, state, type StateOptions } from "./commands/state";
import { status } from "./commands/status";
import { support } from "./commands/support";
import { tools, type ToolsOptions } from "./commands/tools";
import { up, type UpOptions } from "./commands/up";
import { startRunLog, note } from "./terminal/run-log";
import { acquireLock } from "./terminal/lock";
import { TOOL_NAMES } from "./toolbox/downloads";
import { PROFILE_HELP, PROFILES } from "./load/profile";
import { handleInterrupts } from "./terminal/interrupts";
import { checkSwallowedOptions } from "./terminal/swallowed-options";
import { Failure, red } from "./terminal/ui";

const program = new Command("npm run")
  .description("Deploys an autoscaled key-value application to the configured Kubernetes cluster.")
  .helpCommand(false)
  .showHelpAfterError()
  .addHelpText(
    "after",
    `
Other npm scripts:
  test [names...]             run every test that needs no cluster; installs
                              what they need
  lint                        check types, rules, formatting and spelling;
                              with -- --fix, fix what can be fixed
  help                        show this help

Pass options after two dashes, for example: npm run up -- --help`,
  );

const YES = ["--yes", "answer every question with yes", false] as const;

program
  .command("up")
  .description("deploy all four layers, wait until everything works, and print how to open the application")
  .option(...YES)
  .option(
    "--adopt",
    "take over a running system whose Terraform states are lost, without restarting pods or changing passwords",
    false,
  )
  .action((options: UpOptions) => up(options));
program
  .command("diff")
  .description("show what up would change; exit code 2 if anything would change")
  .option(...YES)
  .option("--verbose", "list every resource", false)
  .action(async (options: { yes: boolean; verbose: boolean }) => void (process.exitCode = await diff(options)));
program
  .command("status")
  .description("show the pods, autoscaler limits, signals and image of each workload")
  .option("--watch", "refresh continuously; Ctrl+C stops it", false)
  .action((options: { watch: boolean }) => status(options));
program
  .command("down")
  .description("remove everything and verify that nothing is left")
  .option(...YES)
  .option("--keep-cluster", "keep the kind cluster that up created", false)
  .option("--adopt", "remove a system whose states are lost", false)
  .action((options: DownOptions) => down(options));
program
  .command("smoke")
  .description("write, read, list and delete a key through the front")
  .option("--url <address>", "address of the front (default: through a port-forward)")
  .option(...YES)
  .action((options: { url?: string; yes: boolean }) => smoke(options));
program
  .command("logs")
  .description("show the logs of a workload's pods as one stream")
  .argument("[name]", `a workload (${WORKLOAD_NAMES.join(", ")}) or a pod; by default every workload`)
  .option("-f, --follow", "keep showing new lines until Ctrl+C", false)
  .option("--since <time>", "how far back to start, such as 30s, 10m or 2h", "10m")
  .option("--tail <lines>", "maximum number of lines per pod, or all", "200")
  .option(
    "--request <id>",
    "only lines about the request with this ID (X-Request-Id in its response), from the front and the API",
  )
  .option("-p, --previous", "logs of the container before its last restart", false)
  .option("--json", "print the lines unformatted", false)
  .action((name: string | undefined, options: LogsOptions) => logs(name, options));
program
  .command("load")
  .description(
    "apply a bounded load to the application, show it live, and write a chart (SVG, PNG) and the figures (JSON)",
  )
  .addOption(new Option("--profile <shape>", "rate over time").choices(PROFILES).default("step"))
  .option("--rate <number>", "full rate, requests per second", "200")
  .option("--base <number>", "base rate (default: a tenth of the full rate)")
  .option("--duration <time>", "such as 90s, 5m or 1h", "3m")
  .option("--writes <percent>", "percentage of requests that write", "10")
  .option("--here", "run k6 on this machine instead of in a pod", false)
  .option("--url <address>", "with --here: address of the front (default: through a port-forward)")
  .option("--out <folder>", "output folder (default: .state/load)")
  .option(...YES)
  .addHelpText("after", () => `\n${PROFILES.map((name) => `  ${name.padEnd(6)} ${PROFILE_HELP[name]}`).join("\n")}`)
  .action((options: LoadOptions) => load(options));
program
  .command("backup")
  .description("save a snapshot of all keys to a file on this machine, and check it")
  .option("--out <file>", "output file (default: .state/backups/TIME.rdb)")
  .option("--list", "list the scheduled backups", false)
  .option("--fetch <name>", "download the scheduled backup with this name instead; latest: the newest one")
  .option(...YES)
  .action((options: BackupOptions) => backup(options));
program
  .command("restore")
  .description("replace all keys with those of a snapshot; the previous data is kept on main's volume")
  .argument("<file>", "a Redis snapshot, such as one from npm run backup")
  .option(...YES)
  .action((file: string, options: { yes: boolean }) => restore(file, options));
program
  .command("rotate")
  .description("change the password of every Redis user, without interrupting clients")
  .option(...YES)
  .action((options: { yes: boolean }) => rotate(options));
program
  .command("state")
  .description(
    "show the Terraform states and the holders of their locks; with --from, migrate the states from another backend",
  )
  .addOption(
    new Option("--from <backend>", "backend that currently holds the states; moves them to state.backend").choices(
      BACKENDS,
    ),
  )
  .option(...YES)
  .action((options: StateOptions) => state(options));
program
  .command("doctor")
  .description("check every prerequisite, and show how to fix what is missing")
  .action(async () => void (process.exitCode = await doctor()));
program
  .command("dev")
  .description("run the whole application on this machine, without Kubernetes or Docker; Ctrl+C stops it")
  .option("--port <number>", "port of the page", "5173")
  .action((options: { port: string }) => dev(options));
program
  .command("e2e")
  .description("run an end-to-end test, which deploys, checks and removes everything, on the configured cluster")
  .argument("[tier]", `one of: ${tiers().join(", ")}`, "core")
  .action(async (tier: string) => void (process.exitCode = await e2e(tier)));
program
  .command("bench")
  .description("run a benchmark on this machine, and write its figures to docs/benchmarks.md")
  .argument("<name>", `one of: ${[...benches().keys()].join(", ")}`)
  .addHelpText("after", () => `\n${[...benches()].map(([name, what]) => `  ${name.padEnd(10)} ${what}`).join("\n")}`)
  .action(async (name: string) => void (process.exitCode = await bench(name)));
program
  .command("eject")
  .description("write the four layers as plain Terraform that uses the same states, to continue without CDKTF")
  .option("--out <folder>", "output folder; must be empty", "ejected")
  .action((options: { out: string }) => eject(options));
program
  .command("manifests")
  .description("write the objects as Kubernetes YAML, one folder per layer, for review, GitOps or scanners")
  .option("--out <folder>", "output folder; must be empty", "manifests")
  .action((options: { out: string }) => manifests(options));
program
  .command("scan")
  .description(
    "run checkov, kube-score, kubeconform, hadolint and npm audit on the objects and images; the scanners are installed in .tools",
  )
  .action(async () => void (process.exitCode = await scan()));
program
  .command("sbom")
  .description("write an SBOM (CycloneDX) of each image: its npm packages and the packages of its base image")
  .option("--out <folder>", "output folder; must be empty", "sbom")
  .action((options: { out: string }) => sbom(options));
program
  .command("rapport")
  .description("build rapport.pdf, the report in French, from docs/rapport and the figures in docs/benchmarks")
  .option("--pictures <folder>", "also write a picture of each page")
  .option("--check", "only check that rapport.pdf is up to date")
  .action((options: { pictures?: string; check?: boolean }) => rapport(options));
program
  .command("compare")
  .description("show what a commit changes in the synthesized layers, in every profile, durability and engine")
  .option("--base <commit>", "commit before the change", "HEAD~1")
  .option("--head <commit>", "commit that contains the change; HEAD includes uncommitted changes", "HEAD")
  .option("--all", "list image tags and checksums too", false)
  .action(async (options: CompareOptions) => void (process.exitCode = await compare(options)));
program
  .command("docs")
  .description("write the tables and the architecture pictures in docs/ from the code")
  .action(() => docs());
program
  .command("pictures")
  .description("take screenshots of the page, or draw the dashboards from Prometheus data, into docs/pictures")
  .argument("[what]", `one of: ${PICTURES.join(", ")}`, "page")
  .option("--minutes <number>", "dashboards: how far back", "30")
  .option("--out <folder>", "dashboards: output folder", "docs/pictures")
  .action((what: string, options: PicturesOptions) => pictures(what, options));
program
  .command("tools")
  .description("download missing programs into .tools: pinned versions, verified by SHA-256")
  .argument("[names...]", `any of: ${TOOL_NAMES.join(", ")}; by default what a deployment needs`)
  .option(...YES)
  .action((names: string[], options: ToolsOptions) => tools(names, options));
program
  .command("support")
  .description(
    "write an archive for a bug report: versions, configuration, states without values, events, logs; no secrets",
  )
  .option("--out <file>", "output file; by default support-TIME.tar.gz")
  .action((options: { out?: string }) => support(options));
program
  .command("config")
  .description("show the effective configuration; --help lists every key")
  .addHelpText("after", () => `\nKeys of config.yaml (copy config.example.yaml to start):\n\n${keyReference()}`)
  .action(() => showConfig());

/** A full disk or an unwritable folder is not a bug, so its stack trace is not shown. */
const isMachineProblem = (error: unknown): error is NodeJS.ErrnoException =>
  error instanceof Error &&
  ["ENOSPC", "EDQUOT", "EROFS", "EACCES"].includes((error as NodeJS.ErrnoException).code ?? "");

handleInterrupts();
/** Commands with a run log: those that change something or help to diagnose a problem. */
const LOGGED = new Set(["up", "down", "diff", "doctor", "rotate", "backup", "restore", "state", "smoke"]);
/** Commands that synthesize and plan in the same folder, so only one of them may run at a time. */
const LOCKED = new Set(["up", "down", "diff", "state"]);
program.hook("preAction", (_program, command) => {
  if (LOCKED.has(command.name())) acquireLock(path.join(PROJECT_ROOT, ".state", "running.json"), command.name());
  if (!LOGGED.has(command.name())) return;
  let dir = ".state";
  try {
    dir = loadConfig().state.dir;
  } catch {
    // the command itself reports the invalid configuration
  }
  startRunLog(path.resolve(PROJECT_ROOT, dir, "logs"), [command.name(), ...process.argv.slice(3)].join(" "));
});
// with two dashes, because npm consumes options that do not follow them
program.usage("<command> -- [options]");
for (const command of program.commands) command.usage(`-- ${command.usage()}`);

async function main(): Promise<void> {
  const [name, ...given] = process.argv.slice(2);
  // before commander, because the value of an option that npm consumed arrives as a surplus argument
  const command = program.commands.find((c) => c.name() === name);
  if (command) checkSwallowedOptions(command.name(), command.options, given);
  await program.parseAsync();
}
main().catch((error: unknown) => {
  if (error instanceof Failure || error instanceof ConfigError) {
    note(`Error: ${error.message}`);
    process.stderr.write(`\n${red("Error:")} ${error.message}\n`);
    if (error instanceof Failure && error.next) process.stderr.write(`${error.next}\n`);
    process.exitCode = error instanceof Failure ? error.exitCode : 1;
  } else if (isMachineProblem(error)) {
    note(error.message);
    process.stderr.write(
      `\n${red("Error:")} ${error.message}\nFree disk space or fix the permissions, then run the command again; it continues where it stopped.\n`,
    );
    process.exitCode = 1;
  } else {
    note(error instanceof Error ? error.stack! : String(error));
    // a bug: the stack trace helps to fix it
    process.stderr.write(`\n${error instanceof Error ? error.stack : String(error)}\n`);
    process.exitCode = 70;
  }
});
