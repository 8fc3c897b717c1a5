/** Taking secrets out of texts that are given away. */
import type { Kube } from "./kubectl";
import { RunError } from "../terminal/run-program";

/** Shorter ones are words that stand anywhere. */
const SHORTEST = 6;
export const REDACTED = "(taken out)";

/** Values of all Secrets of a namespace, lines of longer ones each, and all of them as base64 as well. */
export async function secretsIn(kube: Kube, namespace: string): Promise<string[]> {
  const secrets = await kube.visible("secrets", "-n", namespace).catch((error: unknown) => {
    if (error instanceof RunError) return [];
    throw error;
  });
  return (
    secrets
      // what Helm keeps of a release is no secret by itself, and much
      .filter((s) => (s as { type?: string }).type !== "helm.sh/release.v1")
      .flatMap((s) => Object.values(s.data ?? {}))
      .flatMap((base64) => {
        const text = Buffer.from(base64, "base64").toString();
        return [base64, text, ...text.split("\n")];
      })
  );
}

/** What looks like a secret wherever it comes from. */
const SHAPES: readonly [RegExp, string][] = [
  [/-----BEGIN [A-Z ]*PRIVATE KEY-----[^]*?-----END [A-Z ]*PRIVATE KEY-----/g, REDACTED],
  [/\b(Bearer|Basic) [\w.~+/-]{8,}=*/g, `$1 ${REDACTED}`],
  [/\beyJ[\w-]{10,}\.[\w-]{10,}\.[\w-]*/g, REDACTED],
  [/(:\/\/[^\s:/@]*:)[^\s@/]+@/g, `$1${REDACTED}@`],
  [
    /\b((?:\w*(?:password|passwd|secret|token|api_?key|access_?key))["']?\s*[=:]\s*["']?)[^\s"',}]{6,}/gi,
    `$1${REDACTED}`,
  ],
];

/** The text without these values, and without what looks like one. */
export function redact(text: string, secrets: Iterable<string>): string {
  let out = text;
  const known = [...new Set(secrets)].map((s) => s.trim()).filter((s) => s.length >= SHORTEST);
  // the longer ones first: one may be a part of another
  for (const secret of known.sort((a, b) => b.length - a.length)) out = out.replaceAll(secret, REDACTED);
  for (const [shape, instead] of SHAPES) out = out.replaceAll(shape, instead);
  return out;
}
