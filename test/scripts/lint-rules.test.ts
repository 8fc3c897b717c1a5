/**
 * ESLint reports a property of a Props interface if it has no description, or if it is optional and has no `@default`.
 */
import { execFileSync } from "node:child_process";
import * as path from "node:path";
import { PROJECT_ROOT } from "../../catalog/paths";

// a separate process, because Jest cannot import eslint.config.mjs
const LINT = `
  import { ESLint } from "eslint";
  const [code, filePath] = process.argv.slice(1);
  const [result] = await new ESLint().lintText(code, { filePath });
  console.log(JSON.stringify(result.messages.map((m) => \`\${m.line} \${m.ruleId}\`)));
`;
const lint = (lines: readonly string[], file: string) =>
  JSON.parse(
    execFileSync(process.execPath, ["--input-type=module", "--eval", LINT, lines.join("\n"), file], {
      cwd: PROJECT_ROOT,
      encoding: "utf8",
      timeout: 60_000,
    }),
  ) as string[];

const SNIPPET = [
  "export interface SomeProps {",
  "  readonly name: string;",
  "  /** Port of the Service. */",
  "  readonly port?: number;",
  "  /** @default none */",
  "  readonly volume?: string;",
  "  /**",
  "   * Port of the container.",
  "   * @default port",
  "   */",
  "  readonly targetPort?: number;",
  "}",
];

it("a property needs a description, and an optional one also needs @default", () => {
  expect(lint(SNIPPET, path.join("modules", "some.ts"))).toEqual([
    "2 jsdoc/require-jsdoc",
    "3 jsdoc/no-restricted-syntax",
    "5 jsdoc/require-description",
  ]);
});
