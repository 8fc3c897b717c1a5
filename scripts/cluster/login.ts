/**
 * Explains why a kubeconfig's login program (an exec credential plugin: aws, az, gcloud, kubelogin, oidc-login)
 * returned no credentials. kubectl and Terraform both start it, each time without a terminal.
 */
import type { RunError } from "../terminal/run-program";

export interface LoginProblem {
  readonly reason: string;
  readonly next: string;
}

/** Matches a login program's prompt to open a page or enter a code. */
const PROMPT =
  /devicelogin|to sign in|log ?in at|open (the|this|your) .*(page|browser|url)|enter the code|in your browser/i;

/** The lines of an output, except kubectl's own log lines, such as `E0102 03:04:05.678901 … memcache.go:265]`. */
export const linesOf = (output: string): string[] =>
  output
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line && !/^[IWEF]\d{4} /.test(line));

/** Explains a failed login; undefined if something else failed. `check` is a kubectl command that tests the login. */
export function loginProblem(error: RunError, check: string): LoginProblem | undefined {
  const lines = linesOf(error.output);
  const again = `Then run this command again. To test only the login: ${check}`;
  const prompt = lines.find((line) => PROMPT.test(line));
  // a run that timed out has no exit code
  if (error.code === undefined && prompt)
    return {
      reason: `the kubeconfig's login program is waiting for you: ${prompt}`,
      next: `Log in where you can answer it: ${check}. Then run this command again. Terraform starts the same program, so the program must store the login (kubelogin: \`kubelogin convert-kubeconfig -l azurecli\` uses the login of \`az login\`).`,
    };
  const missing = /exec: executable (\S+) not found/.exec(error.output)?.[1];
  if (missing)
    return {
      reason: `the kubeconfig's login program ${missing} is not installed`,
      next: `Install ${missing}, which is part of your cloud's tools. ${again}`,
    };
  const version = /exec plugin: invalid apiVersion "([^"]+)"/.exec(error.output)?.[1];
  if (version)
    return {
      reason: `the kubeconfig calls its login program with ${version}, which kubectl and Terraform no longer support`,
      next: `Update your cloud's command-line tool, then let it write the kubeconfig again (EKS: \`aws eks update-kubeconfig\`). ${again}`,
    };
  const failed = lines.find((line) => /getting credentials:|exec plugin/.test(line));
  if (failed) {
    const said = lines.filter((line) => line !== failed).at(-1);
    return {
      reason: `${failed.replace(/^.*?getting credentials: /, "")}${said ? `: ${said}` : ""}`,
      next: `Log in with that program's own command (\`aws sso login\`, \`az login\`, \`gcloud auth login\`). ${again}`,
    };
  }
  if (/must be logged in to the server|Unauthorized/.test(error.output))
    return {
      reason: "it rejects the kubeconfig's login, which may have expired",
      next: `Log in again, or get a new kubeconfig. ${again}`,
    };
  return undefined;
}
