import ts from "typescript";
import { commentPassages } from "./comments";
import { isProse, type Passage, type Range, type Reader } from "./passage";

// a documentation comment is read as text, like any other
const OPTIONS = { languageVersion: ts.ScriptTarget.Latest, jsDocParsingMode: ts.JSDocParsingMode.ParseNone };

/** Comments and messages in TypeScript, TSX, JavaScript and JSON. */
export const typescript =
  (kind: ts.ScriptKind): Reader =>
  (source) => {
    const file = ts.createSourceFile("", source, OPTIONS, false, kind);
    const comments = new Map<number, Range>();
    const strings: Passage[] = [];

    function visit(node: ts.Node): void {
      // between tags, // is text
      if (!ts.isJsxText(node)) commentsBefore(node.pos).forEach((range) => comments.set(range[0], range));
      if (ts.isTemplateExpression(node)) {
        strings.push(...messages([node.head, ...node.templateSpans.map((span) => span.literal)]));
        node.templateSpans.forEach((span) => visit(span.expression));
      } else if (ts.isStringLiteral(node) || ts.isNoSubstitutionTemplateLiteral(node) || ts.isJsxText(node))
        strings.push(...messages([node]));
      else node.getChildren(file).forEach(visit);
    }
    const commentsBefore = (at: number): Range[] =>
      [...(ts.getTrailingCommentRanges(source, at) ?? []), ...(ts.getLeadingCommentRanges(source, at) ?? [])].map(
        ({ pos, end }) => [pos, end],
      );
    /** The parts of one literal, without the code between them. */
    function messages(parts: readonly ts.Node[]): Passage[] {
      const passages = parts.map((part) => {
        const text = part.getText(file);
        const quotes = ts.isJsxText(part) ? [0, 0] : [1, /\$\{$/.test(text) ? 2 : 1];
        return { start: part.getStart(file) + quotes[0]!, end: part.end - quotes[1]!, gaps: [] };
      });
      return isProse(passages.map(({ start, end }) => source.slice(start, end)).join("x")) ? passages : [];
    }
    visit(file);
    const inOrder = (a: { start: number }, b: { start: number }) => a.start - b.start;
    const ranges = [...comments.values()].sort(([a], [b]) => a - b);
    return [...commentPassages(source, ranges), ...joined(source, strings.sort(inOrder))].sort(inOrder);
  };

/** `"one " + "two"` is one message. */
function joined(source: string, strings: readonly Passage[]): Passage[] {
  const result: Passage[] = [];
  for (const next of strings) {
    const last = result.at(-1);
    if (last && /^["'`]\s*\+\s*["'`]$/.test(source.slice(last.end, next.start)))
      result[result.length - 1] = { ...last, end: next.end, gaps: [...last.gaps, [last.end, next.start]] };
    else result.push(next);
  }
  return result;
}
