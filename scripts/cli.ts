/** The commands of `npm run …`, with their options. One file each; this one only dispatches. */
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
import { logs, PART_NAMES, type LogsOptions } from "./commands/logs";
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
import { up } from "./commands/up";
import { startRunLog, note } from "./terminal/run-log";
import { acquireLock } from "./terminal/lock";
import { TOOL_NAMES } from "./toolbox/downloads";
import { PROFILE_HELP, PROFILES } from "./load/profile";
import { handleInterrupts } from "./terminal/interrupts";
import { Failure, red } from "./terminal/ui";

const program = new Command("npm run")
  .description("Deploys an autoscaled key-value application on the configured Kubernetes cluster.")
  .helpCommand(false)
  .showHelpAfterError()
  .addHelpText(
    "after",
    `
Without this program:
  test [names...]             all that needs no cluster; installs what it needs
  lint                        types, rules, looks, spelling; -- --fix mends what
                              a program can
  help                        this page

Options of one go behind two dashes: npm run up -- --help`,
  );

const YES = ["--yes", "answer every question with yes", false] as const;

program
  .command("up")
  .description("deploy all four layers, wait until they work, and say how to open them")
  .option(...YES)
  .action((options: { yes: boolean }) => up(options));
program
  .command("diff")
  .description("what up would change; exit code 2 where that is something")
  .option(...YES)
  .option("--verbose", "list every resource", false)
  .action(async (options: { yes: boolean; verbose: boolean }) => void (process.exitCode = await diff(options)));
program
  .command("status")
  .description("pods, bounds, load and image of each part")
  .option("--watch", "follow it", false)
  .action((options: { watch: boolean }) => status(options));
program
  .command("down")
  .description("remove everything and prove that nothing is left")
  .option(...YES)
  .option("--keep-cluster", "leave the kind cluster that up made", false)
  .action((options: DownOptions) => down(options));
program
  .command("smoke")
  .description("write, read, list and delete a key through the page's address")
  .option("--url <address>", "where the page is; by default a port-forward to it")
  .option(...YES)
  .action((options: { url?: string; yes: boolean }) => smoke(options));
program
  .command("logs")
  .description("what a part's pods write, all in one stream")
  .argument("[name]", `a part (${PART_NAMES.join(", ")}) or a pod; every part without one`)
  .option("-f, --follow", "go on as they write; ^C ends it", false)
  .option("--since <time>", "such as 30s, 10m or 2h", "10m")
  .option("--tail <lines>", "of each pod at most, or all", "200")
  .option("--request <id>", "only lines about this request (the answer's X-Request-Id), from front and API")
  .option("-p, --previous", "of the container before its last restart", false)
  .option("--json", "lines as they were written", false)
  .action((name: string | undefined, options: LogsOptions) => logs(name, options));
program
  .command("load")
  .description("a bounded load on the page's API, watched as it goes; picture (SVG, PNG) and figures (JSON) at the end")
  .addOption(new Option("--profile <shape>", "its rate over time").choices(PROFILES).default("step"))
  .option("--rate <number>", "highest rate, requests per second", "200")
  .option("--base <number>", "lowest rate; by default a tenth of the highest")
  .option("--duration <time>", "such as 90s, 5m or 1h", "3m")
  .option("--writes <percent>", "share of the requests that write", "10")
  .option("--here", "from this machine, by k6, instead of from a pod", false)
  .option("--url <address>", "with --here: where the page is; by default a port-forward to it")
  .option("--out <folder>", "where the files go; by default .state/load")
  .option(...YES)
  .addHelpText("after", () => `\n${PROFILES.map((name) => `  ${name.padEnd(6)} ${PROFILE_HELP[name]}`).join("\n")}`)
  .action((options: LoadOptions) => load(options));
program
  .command("backup")
  .description("a snapshot of all keys in a file on this machine, checked after writing")
  .option("--out <file>", "where to; by default .state/backups/TIME.rdb")
  .option("--list", "tell which scheduled backups there are", false)
  .option("--fetch <name>", "bring a scheduled one here, by its name or latest, instead of making one")
  .option(...YES)
  .action((options: BackupOptions) => backup(options));
program
  .command("restore")
  .description("replaces all keys by those of a snapshot; what was there is kept beside it")
  .argument("<file>", "a snapshot of Redis, such as npm run backup writes")
  .option(...YES)
  .action((file: string, options: { yes: boolean }) => restore(file, options));
program
  .command("rotate")
  .description("new passwords for every user of Redis, while everything goes on")
  .option(...YES)
  .action((options: { yes: boolean }) => rotate(options));
program
  .command("state")
  .description("where Terraform's states are and who holds them; brings them from another backend")
  .addOption(
    new Option("--from <backend>", "where they are, if not in state.backend: moves them there").choices(BACKENDS),
  )
  .option(...YES)
  .action((options: StateOptions) => state(options));
program
  .command("doctor")
  .description("every prerequisite, found or missing, and what mends it")
  .action(async () => void (process.exitCode = await doctor()));
program
  .command("dev")
  .description("the whole application on this machine, without Kubernetes or Docker; ^C ends it")
  .option("--port <number>", "of the page", "5173")
  .action((options: { port: string }) => dev(options));
program
  .command("e2e")
  .description("end-to-end test on the configured cluster; deploys, checks and removes everything")
  .argument("[tier]", `one of: ${tiers().join(", ")}`, "core")
  .action(async (tier: string) => void (process.exitCode = await e2e(tier)));
program
  .command("bench")
  .description("measures on this machine and writes the figures to docs/benchmarks.md")
  .argument("<name>", `one of: ${[...benches().keys()].join(", ")}`)
  .addHelpText("after", () => `\n${[...benches()].map(([name, what]) => `  ${name.padEnd(10)} ${what}`).join("\n")}`)
  .action(async (name: string) => void (process.exitCode = await bench(name)));
program
  .command("eject")
  .description("the four layers as plain Terraform on the same state, for a life without CDKTF")
  .option("--out <folder>", "where to; must be empty", "ejected")
  .action((options: { out: string }) => eject(options));
program
  .command("manifests")
  .description("what reaches the cluster as Kubernetes YAML, a folder a layer: to read, for GitOps, for scanners")
  .option("--out <folder>", "where to; must be empty", "manifests")
  .action((options: { out: string }) => manifests(options));
program
  .command("scan")
  .description(
    "checkov, kube-score, kubeconform, hadolint and npm audit on what is deployed and built; installs them into .tools",
  )
  .action(async () => void (process.exitCode = await scan()));
program
  .command("sbom")
  .description("what is in both images, as CycloneDX: npm's packages and the base images'")
  .option("--out <folder>", "where to; must be empty", "sbom")
  .action((options: { out: string }) => sbom(options));
program
  .command("rapport")
  .description("rapport.pdf, the report in French, from docs/rapport and the figures of docs/benchmarks")
  .option("--pictures <folder>", "also a picture of each page, to look at")
  .option("--check", "only whether rapport.pdf is what its sources give")
  .action((options: { pictures?: string; check?: boolean }) => rapport(options));
program
  .command("compare")
  .description("what a commit changes in the synthesized layers, in every profile, durability and engine")
  .option("--base <commit>", "before the change", "HEAD~1")
  .option("--head <commit>", "with the change; HEAD includes uncommitted changes", "HEAD")
  .option("--all", "list image tags and checksums too", false)
  .action(async (options: CompareOptions) => void (process.exitCode = await compare(options)));
program
  .command("docs")
  .description("writes the tables in docs/ from the code")
  .action(() => docs());
program
  .command("pictures")
  .description("screenshots of the page, or the dashboards drawn from Prometheus' own answers, into docs/pictures")
  .argument("[what]", `one of: ${PICTURES.join(", ")}`, "page")
  .option("--minutes <number>", "dashboards: how far back", "30")
  .option("--out <folder>", "dashboards: where the files go", "docs/pictures")
  .action((what: string, options: PicturesOptions) => pictures(what, options));
program
  .command("tools")
  .description("programs that this machine lacks, as pinned downloads into .tools, checked by SHA-256")
  .argument("[names...]", `some of: ${TOOL_NAMES.join(", ")}; by default what a deploy needs`)
  .option(...YES)
  .action((names: string[], options: ToolsOptions) => tools(names, options));
program
  .command("support")
  .description("one archive for whoever helps: versions, configuration, states without values, events, logs; no secret")
  .option("--out <file>", "where to; by default support-TIME.tar.gz")
  .action((options: { out?: string }) => support(options));
program
  .command("config")
  .description("the configuration as it was understood")
  .addHelpText("after", () => `\nKeys of config.yaml (copy config.example.yaml to start):\n\n${keyReference()}`)
  .action(() => showConfig());

/** A full disk, a folder that may not be written: no fault of the code's, so nobody needs its stack. */
const isOfThisMachine = (error: unknown): error is NodeJS.ErrnoException =>
  error instanceof Error &&
  ["ENOSPC", "EDQUOT", "EROFS", "EACCES"].includes((error as NodeJS.ErrnoException).code ?? "");

handleInterrupts();
/** What changes something, or is asked for when something is wrong, leaves word of what it did. */
const JOURNALLED = new Set(["up", "down", "diff", "doctor", "rotate", "backup", "restore", "state", "smoke"]);
/** What synthesizes and plans in the one folder for it. */
const ALONE = new Set(["up", "down", "diff", "state"]);
program.hook("preAction", (_program, command) => {
  if (ALONE.has(command.name())) acquireLock(path.join(PROJECT_ROOT, ".state", "running.json"), command.name());
  if (!JOURNALLED.has(command.name())) return;
  let dir = ".state";
  try {
    dir = loadConfig().state.dir;
  } catch {
    // the command itself says what is wrong with it
  }
  startRunLog(path.resolve(PROJECT_ROOT, dir, "logs"), [command.name(), ...process.argv.slice(3)].join(" "));
});
program.parseAsync().catch((error: unknown) => {
  if (error instanceof Failure || error instanceof ConfigError) {
    note(`Error: ${error.message}`);
    process.stderr.write(`\n${red("Error:")} ${error.message}\n`);
    if (error instanceof Failure && error.next) process.stderr.write(`${error.next}\n`);
    process.exitCode = error instanceof Failure ? error.exitCode : 1;
  } else if (isOfThisMachine(error)) {
    note(error.message);
    process.stderr.write(
      `\n${red("Error:")} ${error.message}\nMake room, or mend what is in the way; then run it again, it goes on where it was.\n`,
    );
    process.exitCode = 1;
  } else {
    note(error instanceof Error ? error.stack! : String(error));
    // not foreseen: the stack helps whoever mends it
    process.stderr.write(`\n${error instanceof Error ? error.stack : String(error)}\n`);
    process.exitCode = 70;
  }
});
