/**
 * Everything that the documentation mentions exists: commands with their options, tiers, keys, variables, and YAML
 * snippets.
 */
import { execFileSync } from "node:child_process";
import * as fs from "node:fs";
import * as path from "node:path";
import { parse } from "yaml";
import { PROJECT_ROOT } from "../../catalog/paths";
import { configKeys, configSchema } from "../../config";
import { benches } from "../../scripts/maintenance/bench";
import { tiers } from "../../scripts/maintenance/e2e";

const pages = execFileSync("git", ["ls-files", "-co", "--exclude-standard", "*.md", "*.typ"], {
  cwd: PROJECT_ROOT,
  encoding: "utf8",
})
  .trim()
  .split("\n");
const read = (file: string) => fs.readFileSync(path.join(PROJECT_ROOT, file), "utf8");
const { scripts } = JSON.parse(read("package.json")) as { scripts: Record<string, string> };

/** Long options of each command, as scripts/cli.ts defines them. */
const options = new Map(
  read("scripts/cli.ts")
    .split('.command("')
    .slice(1)
    .map((part) => {
      const own = [...part.matchAll(/[oO]ption\(\s*"(?:-\w, )?--([\w-]+)/g)].map(([, name]) => name!);
      return [part.split('"')[0]!, new Set([...own, ...(part.includes("...YES") ? ["yes"] : []), "help"])];
    }),
);
options.set("lint", new Set(["fix"]));

const keys = configKeys();
const groups = new Set(keys.filter((k) => k.path.includes(".")).map((k) => k.path.split(".")[0]));
const isKey = (at: string) => keys.some((k) => k.path === at || k.path.startsWith(`${at}.`));
/** The problems in a configuration snippet. */
const problems = (input: unknown) =>
  (configSchema.safeParse(input).error?.issues ?? []).map((i) => `${i.path.join(".")}: ${i.message}`);

it.each(pages)("%s: every `npm run` names an existing script and existing options", (page) => {
  const wrong: string[] = [];
  for (const [whole, name, rest = ""] of read(page).matchAll(/\bnpm run (?:-s )?([a-z]\w*)((?: -- [^`\n|#]*)?)/g)) {
    if (!(name! in scripts)) wrong.push(whole);
    if (name === "e2e" || name === "bench") {
      const known = name === "e2e" ? tiers() : [...benches().keys()];
      const [, what] = / -- ([a-z][\w-]*)/.exec(rest) ?? [];
      if (what && !known.includes(what)) wrong.push(whole);
    } else {
      for (const [, option] of rest.matchAll(/ --([a-z][\w-]*)/g))
        if (!options.get(name!)?.has(option!)) wrong.push(`${whole} (--${option})`);
    }
  }
  expect(wrong).toEqual([]);
});

it.each(pages)("%s: every environment variable and configuration key that it mentions exists", (page) => {
  const wrong: string[] = [];
  const envs = new Set([...keys.map((k) => k.env), "IAC_CONFIG"]);
  for (const [name] of read(page).matchAll(/\bIAC_[A-Z][A-Z_]+[A-Z]\b/g)) if (!envs.has(name)) wrong.push(name);
  for (const [, at, value] of read(page).matchAll(/`([a-zA-Z]+(?:\.[a-zA-Z]\w*)+)(?:: ([^`]+))?`/g)) {
    if (!groups.has(at!.split(".")[0]) || /\.(ts|json|yaml|js|mjs|conf|log|sh)$/.test(at!)) continue;
    // a placeholder such as PART
    if (/[A-Z]{2}/.test(at!)) continue;
    if (!isKey(at!)) wrong.push(at!);
    else if (value !== undefined && !/[A-Z…]/.test(value)) {
      const nested = at!.split(".").reduceRight<unknown>((inner, name) => ({ [name]: inner }), parse(value));
      wrong.push(...problems(nested));
    }
  }
  expect(wrong).toEqual([]);
});

it.each(pages.filter((page) => page.endsWith(".md")))("%s: every config.yaml snippet in it is accepted", (page) => {
  const fenced = [...read(page).matchAll(/^```yaml\n([^]*?)^```/gm)].map(([, text]) => text!);
  const indented = [...read(page).matchAll(/(?:^ {4}.*\n|^\n(?= {4}))+/gm)].map(([text]) =>
    text.replace(/^ {4}/gm, ""),
  );
  const snippets = [...fenced, ...indented].filter((text) => {
    const [, first] = /^([a-zA-Z]+):/.exec(text.trimStart()) ?? [];
    return first !== undefined && (isKey(first) || groups.has(first));
  });
  for (const snippet of snippets) {
    // without the commands that follow the snippet in the same block
    const yaml = snippet.split(/^(?=npm |kubectl )/m)[0]!.replaceAll("…", "there");
    expect(problems(parse(yaml))).toEqual([]);
  }
});
