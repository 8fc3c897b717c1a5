/** Creates certificates for TLS to Redis, with openssl. */
import { execFileSync } from "node:child_process";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { hasRedis } from "./redis";

/** Whether TLS can be tested here. */
export const hasTls = ((): boolean => {
  try {
    execFileSync("openssl", ["version"], { stdio: "ignore" });
    return hasRedis;
  } catch {
    console.warn("SKIPPED: TLS to Redis: openssl is not installed");
    return false;
  }
})();

/** A certificate authority. */
export class Authority {
  readonly dir = mkdtempSync(join(tmpdir(), "tls-"));
  readonly ca = join(this.dir, "ca.crt");

  constructor() {
    this.openssl(
      "req",
      "-x509",
      "-newkey",
      "rsa:2048",
      "-nodes",
      "-days",
      "2",
      "-subj",
      "/CN=test authority",
      ...this.to("ca"),
    );
  }

  certificate(name: string): { cert: string; key: string } {
    const more = [
      "-subj",
      `/CN=${name}`,
      "-addext",
      `subjectAltName=DNS:${name}`,
      "-CA",
      this.ca,
      "-CAkey",
      join(this.dir, "ca.key"),
    ];
    this.openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", ...more, ...this.to(name));
    return { cert: join(this.dir, `${name}.crt`), key: join(this.dir, `${name}.key`) };
  }

  private to(name: string): string[] {
    return ["-out", join(this.dir, `${name}.crt`), "-keyout", join(this.dir, `${name}.key`)];
  }

  private openssl(...args: string[]): void {
    execFileSync("openssl", args, { stdio: "ignore" });
  }
}

/** Settings for a Redis instance that also accepts TLS on `port`. */
export function tlsSettings(authority: Authority, name: string, port: number): string[] {
  const { cert, key } = authority.certificate(name);
  const files = ["--tls-cert-file", cert, "--tls-key-file", key, "--tls-ca-cert-file", authority.ca];
  return ["--tls-port", String(port), ...files, "--tls-auth-clients", "no", "--tls-replication", "yes"];
}
