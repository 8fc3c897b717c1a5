/** Finds unreachable hosts in the output of programs, and reports them in one sentence. */
import { Failure } from "./ui";

/** Go's error texts, which Terraform, its providers, Helm and Docker print. */
const REASON =
  "no such host|server misbehaving|Temporary failure in name resolution|network is unreachable|no route to host|connection refused|connection reset by peer|i/o timeout|TLS handshake timeout|EOF";
const LOOKUP = new RegExp(`lookup ([\\w.-]+)(?: on [\\w.:[\\]]+)?: .*?(${REASON})`, "g");
const REQUEST = new RegExp(
  `(?:Get|Head|Post|Patch|Put|Delete) "https?://([\\w.-]+)(?::\\d+)?(/[^"]*)?": .*?(${REASON})`,
  "g",
);
/** Paths of the Kubernetes API. */
const OF_CLUSTER = /^\/(apis?|version|openapi)\b/;

/** Unreachable hosts in `text`, each with the reason; a Kubernetes API is reported as `cluster`. */
export function unreached(text: string): { hosts: ReadonlyMap<string, string>; cluster: string | undefined } {
  // programs wrap their lines
  const flat = text.replace(/\s+/g, " ");
  const hosts = new Map<string, string>();
  let cluster: string | undefined;
  for (const [, host, path = "", reason] of flat.matchAll(REQUEST)) {
    if (OF_CLUSTER.test(path)) cluster ??= reason;
    else hosts.set(host!, reason!);
  }
  for (const [, host, reason] of flat.matchAll(LOOKUP)) if (!cluster) hosts.set(host!, reason!);
  return { hosts, cluster };
}

/** A Failure to show instead of a program's output, if that output only reports an unreachable host. */
export function unreachable(what: string, text: string): Failure | undefined {
  const { hosts, cluster } = unreached(text);
  if (cluster)
    return new Failure(
      `${what}: the cluster stopped answering (${cluster}).`,
      "Check it with npm run doctor. Once it responds, run this command again; it continues where it stopped.",
    );
  if (!hosts.size) return undefined;
  const each = [...hosts].map(([host, reason]) => `${host} (${reason})`).join(", ");
  return new Failure(
    `${what}: ${each} cannot be reached.`,
    "Check the network, then run the command again. Without internet access, use mirrors: TF_CLI_CONFIG_FILE for Terraform's providers, charts.dir for charts, images.mirror for images (docs/air-gapped.md). npm run dev needs none of them.",
  );
}
