/** Drawing passages for a reader: which passages are drawn from, and that the seed determines the sample. */
import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { PROJECT_ROOT } from "../../../catalog/paths";

const copy = fs.mkdtempSync(path.join(os.tmpdir(), "iacproject-draw-"));
afterAll(() => fs.rmSync(copy, { recursive: true }));

beforeAll(() => {
  const write = (file: string, text: string) => {
    fs.mkdirSync(path.dirname(path.join(copy, file)), { recursive: true });
    fs.writeFileSync(path.join(copy, file), text);
  };
  const eight = "words that make a passage of exactly eight";
  write("page.md", `# Page\n\nOne paragraph with\n${eight}.\n\n\`\`\`\n${eight}\n\`\`\`\n\n- item, ${eight}\n`);
  write(
    "code.ts",
    `// too short\nexport const a = 1; // comment, \`code\`, ${eight}\nthrow new Error("message, ${eight}");\n`,
  );
  write("docs/rapport/texte.typ", `= Titre\n\nUn paragraphe français, ${eight}.\n`);
  spawnSync("git", ["init", "--quiet"], { cwd: copy });
  spawnSync("git", ["add", "."], { cwd: copy });
});

function draw(...args: string[]) {
  const tsx = path.join(PROJECT_ROOT, "node_modules", "tsx", "dist", "loader.mjs");
  const script = path.join(PROJECT_ROOT, "scripts", "prose", "draw.ts");
  const { status, stdout, stderr } = spawnSync(process.execPath, ["--import", tsx, script, ...args], {
    cwd: copy,
    encoding: "utf8",
  });
  return { status, stderr, lines: stdout.split("\n").filter(Boolean) };
}

it("prints every passage of at least eight words with its file and line, and leaves out code blocks", () => {
  expect(draw("1").lines.map((line) => line.split(/,|words/)[0]!.trimEnd())).toEqual([
    "code.ts:2\tcomment",
    "code.ts:3\tmessage",
    "docs/rapport/texte.typ:3\tUn paragraphe français",
    "page.md:3\tOne paragraph with",
    "page.md:10\t- item",
  ]);
});
it("draws the same passages for the same seed, each at most once, and different ones for another seed", () => {
  const first = draw("1", "2").lines;
  expect(new Set(first).size).toBe(2);
  expect(draw("1", "2").lines).toEqual(first);
  expect(draw("3", "2").lines).not.toEqual(first);
  expect(draw("1", "99").lines).toHaveLength(5);
}, 60_000);
it("keeps the code in a comment", () => {
  expect(draw("1").lines[0]).toContain("comment, `code`, words");
});
it("prints its usage if the seed is missing or the count is not a number", () => {
  for (const args of [[], ["1", "x"]]) {
    const { status, stderr } = draw(...args);
    expect(status).not.toBe(0);
    expect(stderr).toContain("draw.ts SEED [COUNT]");
  }
});
