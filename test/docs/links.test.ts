/** Links between documentation pages work. */
import { execFileSync } from "node:child_process";
import * as fs from "node:fs";
import * as path from "node:path";
import { PROJECT_ROOT } from "../../catalog/paths";

const pages = execFileSync("git", ["ls-files", "-co", "--exclude-standard", "*.md"], {
  cwd: PROJECT_ROOT,
  encoding: "utf8",
})
  .trim()
  .split("\n");
const read = (page: string) => fs.readFileSync(path.join(PROJECT_ROOT, page), "utf8");
/** Removes code, where brackets have another meaning. */
const prose = (text: string) => text.replace(/^```[^]*?^```$/gm, "").replace(/`[^`\n]*`/g, "");
/** The anchors that a forge generates for headings. */
const anchors = (page: string): Set<string> =>
  new Set(
    [...read(page).matchAll(/^#+ (.+)$/gm)].map(([, heading]) =>
      heading!
        .toLowerCase()
        .replace(/[`*]/g, "")
        .replace(/\[([^\]]*)\]\([^)]*\)/g, "$1")
        .replace(/[^\p{L}\p{N} _-]/gu, "")
        .replace(/ /g, "-"),
    ),
  );

it.each(pages)("%s: every link points to an existing file, and to an existing heading if it names one", (page) => {
  const broken = [...prose(read(page)).matchAll(/\]\(([^)\s]+)\)/g)]
    .map(([, target]) => target!)
    .filter((target) => !/^[a-z]+:/.test(target))
    .filter((target) => {
      const [file = "", anchor] = target.split("#");
      const to = file ? path.posix.join(path.posix.dirname(page), file) : page;
      if (!fs.existsSync(path.join(PROJECT_ROOT, to))) return true;
      return anchor !== undefined && !anchors(to).has(anchor);
    });
  expect(broken).toEqual([]);
});

it("the documentation index lists every page and decision", () => {
  const named = read("docs/README.md");
  const here = pages.filter((p) => /^docs\/([^/]+|(decisions|clusters)\/[^/]+)\.md$/.test(p) && p !== "docs/README.md");
  expect(here.filter((p) => !named.includes(`(${p.slice("docs/".length)})`))).toEqual([]);
});
