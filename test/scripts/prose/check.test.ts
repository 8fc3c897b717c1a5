/** The prose check: each entry of its dictionaries, the reader of code, and what it prints. */
import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { PROJECT_ROOT } from "../../../catalog/paths";
import { entries, source, type Entry } from "../../../scripts/prose/dictionary";
import { kindOf, proseFiles } from "../../../scripts/prose/files";
import plugin from "../../../scripts/prose/plugin";

const folder = path.join(PROJECT_ROOT, "scripts", "prose");

describe.each(["dictionary.yaml", "french.yaml"])("%s", (name) => {
  const list = entries(path.join(folder, name));
  // prh's flags
  const matches = (entry: Entry, text: string) => new RegExp(source(entry), "gimu").test(text);

  it.each(list.map((entry) => [entry.find, entry] as const))("%s", (_, entry) => {
    expect(matches(entry, entry.bad)).toBe(true);
    expect(matches(entry, entry.bad.toUpperCase())).toBe(true);
    expect(list.filter((other) => matches(other, entry.good)).map(({ find }) => find)).toEqual([]);
    expect(entry.write).not.toBe("");
  });
  it("has each pattern once, and no two with the same text to write", () => {
    expect(new Set(list.map(({ find }) => find)).size).toBe(list.length);
  });
  it("finds a phrase across a line break", () => {
    const entry = list.find(({ find, bad }) => / /.test(find) && / /.test(bad))!;
    expect(matches(entry, entry.bad.replaceAll(" ", "\n    "))).toBe(true);
  });
});

describe("the reader of code", () => {
  /** `line:column text` of what it takes for prose. */
  function prose(extension: string, code: string): string[] {
    const { text, ast } = new plugin.Processor().processor(extension).preProcess(code);
    expect(text).toHaveLength(code.length);
    return ast.children.map(
      ({ loc, raw }) => `${loc.start.line}:${loc.start.column} ${raw.trim().replace(/\s+/g, " ")}`,
    );
  }

  it("TypeScript: comments, messages and the parts of a template, each where it is", () => {
    const code = [
      'import { a } from "./some-file";',
      "// one sentence that",
      "// goes on here",
      "const url = /[/]{2} no comment/; // behind code",
      "/** Of a function, see `code told` and https://example.org/told. */",
      'throw new Error("first part " +',
      '  "second part");',
      "log(`${count} pods of ${name ?? \"no name\"} are Ready`, 'value');",
    ].join("\n");
    expect(prose(".ts", code)).toEqual([
      "2:0 one sentence that goes on here",
      "4:33 behind code",
      `5:0 Of a function, see ${"\uFFFC".repeat(11)} and ${"\uFFFC".repeat(25)}`,
      "6:17 first part second part",
      "8:13 pods of",
      "8:33 no name",
      "8:42 are Ready",
    ]);
  });
  it("TSX: text between tags, which no // makes a comment", () => {
    const code = [
      "const page = (",
      '  <p title="Some title">',
      "    Reads // and writes {/* a comment */}",
      "  </p>",
      ");",
    ].join("\n");
    expect(prose(".tsx", code)).toEqual(["2:12 Some title", "3:4 Reads // and writes", "3:25 a comment"]);
  });
  it("shell: comments and quoted text, with expansions left out", () => {
    const code = [
      "#!/bin/sh",
      "# a comment that",
      "# goes on",
      "set -- ${1#prefix} $# 'it is quoted' # behind code",
      'echo "no file $(basename "$1" # inner comment',
      ') in ${dir:-"the folder"} today"',
      "cat <<EOF",
      "Usage: # no comment here",
      "EOF",
      "echo done # the end",
    ].join("\n");
    expect(prose(".sh", code)).toEqual([
      "2:0 a comment that goes on",
      "4:23 it is quoted",
      "4:37 behind code",
      "5:6 no file",
      "5:30 inner comment",
      "6:1 in",
      "6:13 the folder",
      "6:25 today",
      "8:0 Usage: # no comment here",
      "10:10 the end",
    ]);
  });
  it("YAML: comments, text, and the scripts of a workflow", () => {
    const code = [
      "# a comment",
      "name: don't stop # behind",
      "on: push",
      "run: |",
      "  # in a script",
      "  echo 'some text'",
    ].join("\n");
    expect(prose(".yaml", code)).toEqual([
      "1:0 a comment",
      "2:6 don't stop",
      "2:17 behind",
      "5:2 in a script",
      "6:8 some text",
    ]);
  });
  it("CSS: comments", () => {
    expect(prose(".css", "a { color: red }\n/* of a\n * link */\n")).toEqual(["2:0 of a link"]);
  });
  it("Dockerfiles and the like: comments", () => {
    expect(prose(".hash", "# builds it\nRUN a#b \\\n  # and this\n  c\n")).toEqual(["1:0 builds it", "3:2 and this"]);
  });
  it("misses no comment of the project's shell scripts and YAML", () => {
    for (const file of proseFiles(PROJECT_ROOT, [])) {
      const code = fs.readFileSync(path.join(PROJECT_ROOT, file), "utf8");
      const kind = kindOf(file, () => code);
      if (kind !== ".sh" && kind !== ".yaml") continue;
      const { text } = new plugin.Processor().processor(kind).preProcess(code);
      const lines = text.split("\n");
      const missed = code.split("\n").flatMap((line, i) => {
        const words = /^ *# +(?!shellcheck )([a-z]+ )/.exec(line)?.[1];
        return words && !lines[i]!.includes(words) ? [`${file}:${i + 1} ${line}`] : [];
      });
      expect(missed).toEqual([]);
    }
  });
});

describe("the check", () => {
  const copy = fs.mkdtempSync(path.join(os.tmpdir(), "iacproject-prose-"));
  afterAll(() => fs.rmSync(copy, { recursive: true }));
  const write = (file: string, text: string) => {
    fs.mkdirSync(path.dirname(path.join(copy, file)), { recursive: true });
    fs.writeFileSync(path.join(copy, file), text);
  };
  function check(...files: string[]) {
    const tsx = path.join(PROJECT_ROOT, "node_modules", "tsx", "dist", "loader.mjs");
    const args = ["--import", tsx, path.join(folder, "check.ts"), ...files];
    const { status, stdout, stderr } = spawnSync(process.execPath, args, { cwd: copy, encoding: "utf8" });
    expect(stderr).toBe("");
    return { status, stdout };
  }

  it("is a part of npm run lint", () => {
    const lint = fs.readFileSync(path.join(PROJECT_ROOT, "scripts", "lint.mjs"), "utf8");
    expect(lint).toContain('["--import", "tsx", "scripts/prose/check.ts"]');
  });
  it("fails for a bad comment, message or sentence, and says what to write; passes without", () => {
    spawnSync("git", ["init", "--quiet"], { cwd: copy });
    fs.symlinkSync(os.tmpdir(), path.join(copy, "a-link-to-a-folder"));
    write("good.ts", "// Requests in flight are counted.\n");
    write("page.md", "# Page\n\nA pod is `made anew`:\n\n    made anew\n");
    expect(check()).toEqual({ status: 0, stdout: "" });

    write("docs/page.md", "# Page\n\nA pod is made\nanew ([link](https://example.org/told)).\n");
    write("bad.ts", "\n// Requests in\n// work are counted.\n");
    write("script.sh", '#!/bin/sh\n\necho "The node is gone" >&2\n');
    write("images/react/src/text/fr.ts", 'export const fr = { undo: "Rétablir" };\n');
    const { status, stdout } = check();
    expect(status).toBe(1);
    expect(
      stdout
        .split("\n")
        .filter((line) => line.includes("→"))
        .map((line) => line.replace(/ →.*/, "")),
    ).toEqual([
      'bad.ts:2:13  "in // work"',
      'docs/page.md:4:1  "anew"',
      'images/react/src/text/fr.ts:1:28  "Rétablir"',
      'script.sh:3:19  "gone"',
    ]);
    expect(stdout).toContain('"in // work" → in flight');
    expect(stdout).toContain("scripts/prose/dictionary.yaml");
    expect(check("good.ts", "page.md")).toEqual({ status: 0, stdout: "" });
  }, 60_000);
});
