/** `npm run rapport`: builds rapport.pdf from docs/rapport and the figures in docs/benchmarks, reproducibly. */
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { PROJECT_ROOT } from "../../catalog/paths";
import { pypiPackage } from "../toolbox/pypi";
import { run } from "../terminal/run-program";
import { Failure, inStep } from "../terminal/ui";

const SOURCE = path.join(PROJECT_ROOT, "docs", "rapport", "rapport.typ");
const LIMIT_MS = 120_000;
/** The PyPI package provides no command. Only its own fonts are used, because system fonts would change the pages. */
const COMPILE = `
import sys, typst
source, out, root, form = sys.argv[1:]
made = typst.compile(source, root=root, format=form, ppi=80, ignore_system_fonts=True)
pages = made if isinstance(made, list) else [made]
for number, page in enumerate(pages, 1):
    open(out.replace("{n}", str(number)), "wb").write(page)
print(len(pages))
`;

/**
 * @param pictures folder for a picture of each page
 * @param check compare instead of writing
 * @throws Failure with `check`, if rapport.pdf is outdated
 */
export async function rapport(options: { pictures?: string; check?: boolean }): Promise<void> {
  const typst = pypiPackage("typst", "0.15.2");
  const committed = path.join(PROJECT_ROOT, "rapport.pdf");
  const compile = (out: string, format: "pdf" | "png") =>
    run(typst.program("python"), ["-c", COMPILE, SOURCE, out, PROJECT_ROOT, format], { timeoutMs: LIMIT_MS });
  await inStep("rapport.pdf", async (step) => {
    if (!fs.existsSync(typst.program("python"))) {
      step.doing("installing typst into .tools");
      try {
        await typst.install();
      } catch (error) {
        fs.rmSync(typst.env, { recursive: true, force: true });
        if (!options.check) throw error;
        return `SKIPPED, because typst cannot be installed: ${String((error as Error).message).split("\n")[0]}`;
      }
    }
    step.doing("typesetting");
    if (options.check) {
      const folder = fs.mkdtempSync(path.join(os.tmpdir(), "rapport-"));
      try {
        const out = path.join(folder, "rapport.pdf");
        await compile(out, "pdf");
        if (!fs.readFileSync(out).equals(fs.readFileSync(committed)))
          throw new Failure(
            "rapport.pdf is outdated: docs/rapport or the figures in docs/ have changed.",
            "Build it: npm run rapport. To check its pages: npm run rapport -- --pictures FOLDER",
          );
      } finally {
        fs.rmSync(folder, { recursive: true, force: true });
      }
      return "up to date";
    }
    await compile(committed, "pdf");
    if (options.pictures === undefined) return "written";
    fs.mkdirSync(options.pictures, { recursive: true });
    const { stdout } = await compile(path.join(path.resolve(options.pictures), "page-{n}.png"), "png");
    return `written; ${stdout.trim()} pages as pictures in ${options.pictures}`;
  });
}
