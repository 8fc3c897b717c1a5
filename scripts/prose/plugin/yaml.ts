import { Lexer } from "yaml";
import { commentPassages } from "./comments";
import { isProse, type Passage, type Range, type Reader } from "./passage";
import { shell } from "./shell";

/**
 * Tokens that the lexer inserts between the pieces of the source: start of a document, end of a flow, start of a
 * scalar.
 */
const SCALAR = "\x1f";
const INSERTED = ["\x02", "\x18", SCALAR];

/** Comments and text in YAML; a `|` block is read as a shell script, which it is in a workflow. */
export const yaml: Reader = (source) => {
  const comments: Range[] = [];
  const strings: Passage[] = [];
  let at = 0;
  let header = "";
  let scalar = false;
  for (const token of new Lexer().lex(source)) {
    if (INSERTED.includes(token)) {
      scalar = token === SCALAR;
      continue;
    }
    const end = at + token.length;
    if (scalar && header.startsWith("|")) strings.push(...shell(token).map((passage) => moved(passage, at)));
    else if (scalar && isProse(token)) strings.push({ start: at, end, gaps: [] });
    else if (token.startsWith("#")) comments.push([at, end]);
    if (scalar) header = "";
    else if (/^[|>]/.test(token)) header = token;
    scalar = false;
    at = end;
  }
  return [...commentPassages(source, comments), ...strings].sort((a, b) => a.start - b.start);
};

const moved = ({ start, end, gaps }: Passage, by: number): Passage => ({
  start: start + by,
  end: end + by,
  gaps: gaps.map(([from, to]): Range => [from + by, to + by]),
});
