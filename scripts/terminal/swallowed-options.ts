/**
 * Options that npm consumed. `npm run up --yes` passes `--yes` to npm, not to the command: npm drops it silently, or
 * with a warning, and only sets a variable `npm_config_yes` in the environment of the command.
 */
import { Failure } from "./ui";

/** The relevant part of a commander option. */
export interface OptionFlags {
  /** Such as `--rate <number>` or `-f, --follow`. */
  readonly flags: string;
  /** Such as `--rate`. */
  readonly long?: string | undefined;
}

/** npm's own settings, which may also come from an .npmrc, so their presence proves nothing. */
const NPM_SETTINGS = new Set(["--yes", "--json", "--all"]);
/** Options that npm has under another name. */
const NPM_NAMES: Readonly<Record<string, readonly [name: string, value: string]>> = {
  "--verbose": ["loglevel", "verbose"],
  "--follow": ["force", "true"],
  "--previous": ["parseable", "true"],
};

/** The options of a command that npm consumed; `given` are the arguments that reached it. */
export function swallowedOptions(
  options: readonly OptionFlags[],
  given: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): { readonly certain: readonly OptionFlags[]; readonly possible: readonly OptionFlags[] } {
  const taken = options.filter(({ long, flags }) => {
    if (long === undefined) return false;
    const spellings = flags.split(/[ ,]+/).filter((word) => word.startsWith("-"));
    if (given.some((arg) => spellings.includes(arg.split("=")[0]!))) return false;
    const [name, value] = NPM_NAMES[long] ?? [];
    if (name !== undefined && env[`npm_config_${name}`] === value) return true;
    // an empty value is npm's "false"
    return Boolean(env[`npm_config_${long.slice(2).replaceAll("-", "_")}`]);
  });
  const isPossible = ({ long }: OptionFlags) => NPM_SETTINGS.has(long!) || NPM_NAMES[long!] !== undefined;
  return { certain: taken.filter((o) => !isPossible(o)), possible: taken.filter(isPossible) };
}

/**
 * Stops a command whose options npm consumed: without `--keep-cluster`, for example, `down` would delete the cluster
 * that it should keep. If the options may also be settings of the user's npm, the command continues after printing a
 * line to standard error.
 *
 * @throws Failure with the command as it must be typed
 */
export function checkSwallowedOptions(
  command: string,
  options: readonly OptionFlags[],
  given: readonly string[],
  // eslint-disable-next-line no-restricted-properties -- not a setting: npm reports consumed options nowhere else
  env: Readonly<Record<string, string | undefined>> = process.env,
): void {
  const { certain, possible } = swallowedOptions(options, given, env);
  const names = (list: readonly OptionFlags[]) => list.map((o) => o.long!).join(", ");
  const typed = (list: readonly OptionFlags[]) => {
    const flags = list.map((o) => o.flags.replace(/^-\w, /, ""));
    return `npm run ${command} -- ${[...flags, ...given].join(" ")}`;
  };
  if (certain.length) {
    throw new Failure(
      `npm took ${names([...certain, ...possible])} for itself, because no two dashes come before it. Nothing was done.`,
      `Type: ${typed([...certain, ...possible])}`,
    );
  }
  if (possible.length)
    process.stderr.write(
      `npm took ${names(possible)} for itself, or it is set in your .npmrc. The command runs without this option. To pass it: ${typed(possible)}\n`,
    );
}
