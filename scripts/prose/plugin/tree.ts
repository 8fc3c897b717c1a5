import type { TxtDocumentNode, TxtParagraphNode, TxtStrNode } from "@textlint/ast-node-types";
import type { Passage } from "./passage";

/** textlint's tree of a source: a paragraph with one text for each passage. */
export function tree(masked: string, passages: readonly Passage[]): TxtDocumentNode {
  const lines = [0, ...[...masked.matchAll(/\n/g)].map((m) => m.index + 1)];
  let line = 0;
  /** Expects positions in rising order. */
  const position = (at: number) => {
    while (line + 1 < lines.length && lines[line + 1]! <= at) line++;
    return { line: line + 1, column: at - lines[line]! };
  };
  const children = passages.map(({ start, end }) => {
    const raw = masked.slice(start, end);
    const place = { raw, range: [start, end] as const, loc: { start: position(start), end: position(end) } };
    const text = { ...place, type: "Str", value: raw } as TxtStrNode;
    return { ...place, type: "Paragraph", children: [text] } as unknown as TxtParagraphNode;
  });
  line = 0;
  const loc = { start: position(0), end: position(masked.length) };
  return { type: "Document", raw: masked, range: [0, masked.length], loc, children } as unknown as TxtDocumentNode;
}
