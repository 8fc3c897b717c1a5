/** Removes secrets from texts that leave this machine. */
import type { Kube } from "./kubectl";
import { RunError } from "../terminal/run-program";

/** Shorter values may be ordinary words. */
const SHORTEST = 6;
export const REDACTED = "(redacted)";

/** Values of all Secrets in a namespace: each whole value, its base64 form, and each of its lines. */
export async function secretsIn(kube: Kube, namespace: string): Promise<string[]> {
  const secrets = await kube.visible("secrets", "-n", namespace).catch((error: unknown) => {
    if (error instanceof RunError) return [];
    throw error;
  });
  return (
    secrets
      // Helm's release records are large, and not secret in themselves
      .filter((s) => (s as { type?: string }).type !== "helm.sh/release.v1")
      .flatMap((s) => Object.values(s.data ?? {}))
      .flatMap((base64) => {
        const text = Buffer.from(base64, "base64").toString();
        return [base64, text, ...text.split("\n")];
      })
  );
}

/** Texts that look like a secret. */
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

/** The text without these values, and without anything that looks like a secret. */
export function redact(text: string, secrets: Iterable<string>): string {
  let out = text;
  const values = [...new Set(secrets)].map((s) => s.trim()).filter((s) => s.length >= SHORTEST);
  // longest first, because one value may contain another
  for (const secret of values.sort((a, b) => b.length - a.length)) out = out.replaceAll(secret, REDACTED);
  for (const [shape, instead] of SHAPES) out = out.replaceAll(shape, instead);
  return out;
}
