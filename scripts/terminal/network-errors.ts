/** What programs say where somebody does not answer, as one sentence: the internet, or the cluster. */
import { Failure } from "./ui";

/** Go's words, in which Terraform, its providers, Helm and Docker speak. */
const REASON =
  "no such host|server misbehaving|Temporary failure in name resolution|network is unreachable|no route to host|connection refused|connection reset by peer|i/o timeout|TLS handshake timeout|EOF";
const LOOKUP = new RegExp(`lookup ([\\w.-]+)(?: on [\\w.:[\\]]+)?: .*?(${REASON})`, "g");
const REQUEST = new RegExp(
  `(?:Get|Head|Post|Patch|Put|Delete) "https?://([\\w.-]+)(?::\\d+)?(/[^"]*)?": .*?(${REASON})`,
  "g",
);
/** What a cluster's API is asked for. */
const OF_CLUSTER = /^\/(apis?|version|openapi)\b/;

/** The hosts of `text` that were not reached, each with the reason; those of the cluster apart. */
export function unreached(text: string): { hosts: ReadonlyMap<string, string>; cluster: string | undefined } {
  // programs break their lines where they like
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

/** A failure in place of what a program said, where all it means is that somebody does not answer. */
export function unreachable(what: string, text: string): Failure | undefined {
  const { hosts, cluster } = unreached(text);
  if (cluster)
    return new Failure(
      `${what}: the cluster stopped answering (${cluster}).`,
      "Once it answers, run it again: it goes on where it was. npm run doctor says whether it does.",
    );
  if (!hosts.size) return undefined;
  const each = [...hosts].map(([host, reason]) => `${host} (${reason})`).join(", ");
  return new Failure(
    `${what}: ${each} cannot be reached.`,
    "With internet, run it again. Without: Terraform's providers from a mirror (TF_CLI_CONFIG_FILE), charts from a folder (charts.dir), images from a registry of yours (images.mirror), as docs/air-gapped.md tells. npm run dev needs none of it.",
  );
}
