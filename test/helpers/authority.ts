/** Certificates for tests, created with the system's openssl. */
import { execFileSync, spawnSync } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";

export const hasOpenssl = spawnSync("openssl", ["version"]).status === 0;

/** A certificate authority, whose own certificate is `ca`. */
export class Authority {
  private readonly dir = fs.mkdtempSync(path.join(os.tmpdir(), "authority-"));
  readonly ca = path.join(this.dir, "ca.crt");

  constructor() {
    this.make("ca", "test authority");
  }

  /** Writes ca.crt, tls.crt and tls.key for the given names into `folder`. */
  issue(folder: string, ...names: string[]): void {
    const san = `subjectAltName=${names.map((name) => `DNS:${name}`).join(",")}`;
    this.make("tls", names[0]!, "-addext", san, "-CA", this.ca, "-CAkey", path.join(this.dir, "ca.key"));
    for (const file of ["ca.crt", "tls.crt", "tls.key"]) {
      // atomically, as the kubelet does
      fs.copyFileSync(path.join(this.dir, file), path.join(folder, `.${file}`));
      fs.renameSync(path.join(folder, `.${file}`), path.join(folder, file));
    }
  }

  remove(): void {
    fs.rmSync(this.dir, { recursive: true, force: true });
  }

  private make(file: string, name: string, ...more: string[]): void {
    const to = ["-out", path.join(this.dir, `${file}.crt`), "-keyout", path.join(this.dir, `${file}.key`)];
    const what = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", `/CN=${name}`];
    execFileSync("openssl", [...what, ...more, ...to], { stdio: "ignore" });
  }
}
