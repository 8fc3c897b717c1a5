/** `npm run support`: writes one archive with the data needed for a bug report, without secrets. */
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { stringify } from "yaml";
import { PROJECT_ROOT } from "../../catalog/paths";
import { ConfigError, loadConfig, printable, type Config } from "../../config";
import { LAYERS } from "../../stacks/outputs";
import { hasCluster } from "../cluster/choose-cluster";
import { Kube } from "../cluster/kubectl";
import { ourNamespaces } from "../deploy/readiness";
import { redact, secretsIn } from "../cluster/redact-secrets";
import { run } from "../terminal/run-program";
import { Terraform } from "../terraform/terraform";
import { Failure, inStep, say } from "../terminal/ui";

const SHORT_MS = 30_000;
/** Lines of each container's log. */
const LINES = 2000;

/** A program's output, or its error in parentheses; never fails. */
const outputOf = async (program: string, ...args: string[]): Promise<string> => {
  try {
    const { stdout, stderr } = await run(program, args, { timeoutMs: SHORT_MS, cwd: PROJECT_ROOT });
    return `${stdout}${stderr ? `\n${stderr}` : ""}`.trim();
  } catch (error) {
    return `(${(error as Error).message})`;
  }
};

async function versions(config: Config): Promise<string> {
  const rows: [string, string][] = [
    ["when", new Date().toISOString()],
    ["commit", await outputOf("git", "describe", "--always", "--dirty")],
    [
      "system",
      `${os.type()} ${os.release()} ${os.arch()}, ${os.cpus().length} CPUs, ${Math.round(os.totalmem() / 2 ** 30)} GiB`,
    ],
    ["Node.js", process.versions.node],
    ["terraform", (await outputOf(config.terraform, "version")).split("\n")[0]!],
    ["kubectl", (await outputOf("kubectl", "version", "--client")).split("\n")[0]!],
    ["docker", await outputOf("docker", "version", "--format", "{{.Client.Version}}, engine {{.Server.Version}}")],
    ["helm", await outputOf("helm", "version", "--short")],
  ];
  return rows.map(([name, text]) => `${name.padEnd(10)} ${text}`).join("\n");
}

/** Resource addresses in each layer's state, without values. */
async function states(config: Config): Promise<string> {
  const parts: string[] = [];
  for (const layer of LAYERS) {
    const resources = await new Terraform(config, layer).resources().catch((e: Error) => [`(${e.message})`]);
    parts.push(`# ${layer}: ${resources.length}`, ...resources, "");
  }
  return parts.join("\n");
}

type Put = (name: string, text: string) => void;

async function fromCluster(kube: Kube, put: Put): Promise<string> {
  const kubectl = async (...args: string[]): Promise<string> =>
    kube.raw(args, { timeoutMs: SHORT_MS }).catch((error: Error) => `(${error.message})`);
  put("cluster/nodes.txt", await kubectl("get", "nodes", "-o", "wide"));
  put("cluster/version.txt", await kubectl("version"));
  let logs = 0;
  for (const namespace of ourNamespaces(kube.config)) {
    const kinds = "all,hpa,pvc,pdb,networkpolicies,ingresses,resourcequotas,endpointslices";
    put(`cluster/${namespace}/objects.txt`, await kubectl("-n", namespace, "get", kinds, "-o", "wide"));
    put(`cluster/${namespace}/events.txt`, await kubectl("-n", namespace, "get", "events", "--sort-by=.lastTimestamp"));
    put(`cluster/${namespace}/autoscalers.txt`, await kubectl("-n", namespace, "describe", "hpa"));
    // the fast scaler writes to its Lease why it does not scale
    if (kube.config.scaling.fast)
      put(`cluster/${namespace}/leases.txt`, await kubectl("-n", namespace, "describe", "leases"));
    put(`cluster/${namespace}/pods.txt`, await kubectl("-n", namespace, "describe", "pods"));
    for (const pod of await kube.list("pods", "-n", namespace).catch(() => [])) {
      const { name } = pod.metadata;
      const args = ["-n", namespace, "logs", name, "--all-containers", "--prefix", `--tail=${LINES}`];
      put(`cluster/${namespace}/logs/${name}.log`, await kubectl(...args));
      const restarted = (pod.status?.containerStatuses ?? []).some((c: { restartCount: number }) => c.restartCount > 0);
      if (restarted) put(`cluster/${namespace}/logs/${name}.previous.log`, await kubectl(...args, "--previous"));
      logs++;
    }
  }
  return `${logs} pods`;
}

export async function support(options: { out?: string }): Promise<void> {
  const stamp = new Date().toISOString().replaceAll(/[:.]/g, "-").slice(0, 19);
  const file = path.resolve(options.out ?? path.join(PROJECT_ROOT, `support-${stamp}.tar.gz`));
  if (fs.existsSync(file))
    throw new Failure(
      `${file} already exists; nothing was written.`,
      "Choose another file: npm run support -- --out FILE",
    );
  let config: Config;
  try {
    config = loadConfig();
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    throw new Failure(error.message, "Fix the configuration, then run npm run support again.");
  }
  const work = fs.mkdtempSync(path.join(os.tmpdir(), "iacproject-support-"));
  const top = `support-${stamp}`;
  const texts = new Map<string, string>();
  const put: Put = (name, text) => texts.set(name, text);
  try {
    await inStep("this machine", async () => {
      put("versions.txt", await versions(config));
      put("config.yaml", stringify(printable(config)));
      put("states.txt", await states(config));
      const logs = path.resolve(PROJECT_ROOT, config.state.dir, "logs");
      const names = fs.existsSync(logs) ? fs.readdirSync(logs).filter((n) => n.endsWith(".log")) : [];
      for (const name of names) put(`commands/${name}`, fs.readFileSync(path.join(logs, name), "utf8"));
      return `versions, configuration, states without values, ${names.length} run logs`;
    });
    const secrets = new Set<string>();
    if (await hasCluster(config)) {
      await inStep("cluster", async () => {
        const kube = new Kube(config);
        try {
          await kube.ping();
        } catch (error) {
          put("cluster/unreachable.txt", (error as Error).message);
          return "not reachable";
        }
        for (const namespace of ourNamespaces(config))
          for (const secret of await secretsIn(kube, namespace)) secrets.add(secret);
        return fromCluster(kube, put);
      });
    }
    await inStep("archive", async () => {
      for (const [name, text] of texts) {
        const full = path.join(work, top, name);
        fs.mkdirSync(path.dirname(full), { recursive: true });
        fs.writeFileSync(full, redact(text, secrets));
      }
      await run("tar", ["-czf", file, "-C", work, top], { timeoutMs: SHORT_MS });
      return `${texts.size} files, ${Math.ceil(fs.statSync(file).size / 1024)} KiB`;
    });
  } finally {
    fs.rmSync(work, { recursive: true, force: true });
  }
  say();
  say(
    `Written to ${path.relative(process.cwd(), file)}. Passwords were removed, but check the content before you share it: tar tzf FILE`,
  );
}
