/** Installs PyPI packages in virtual environments under .tools, so that nothing is installed on the machine itself. */
import * as path from "node:path";
import { PROJECT_ROOT } from "../../catalog/paths";
import { run } from "../terminal/run-program";

const INSTALL_MS = 600_000;

export interface PypiPackage {
  /** Folder of its virtual environment, after `install`. */
  readonly env: string;
  /** A program of the environment. */
  program(name: string): string;
  install(): Promise<void>;
}

export function pypiPackage(name: string, version: string): PypiPackage {
  const env = path.join(PROJECT_ROOT, ".tools", "pypi", `${name}-${version}`);
  const program = (bin: string) => path.join(env, "bin", bin);
  return {
    env,
    program,
    install: async () => {
      await run("python3", ["-m", "venv", env], { timeoutMs: INSTALL_MS });
      const quiet = ["install", "--quiet", "--disable-pip-version-check"];
      await run(program("pip"), [...quiet, `${name}==${version}`], { timeoutMs: INSTALL_MS });
    },
  };
}
