import { commentPassages } from "./comments";
import { isProse, type Passage, type Range, type Reader } from "./passage";

/**
 * Finds comments, quoted strings and here-documents in a shell script. It is not a full parser: it only tracks quotes,
 * expansions and comments.
 */
export const shell: Reader = (source) => {
  const comments: Range[] = [];
  const strings: Passage[] = [];
  const heredocs: { word: string; tabs: boolean }[] = [];
  let at = 0;

  const add = (parts: readonly Range[]) => {
    if (!isProse(parts.map(([start, end]) => source.slice(start, end)).join("x"))) return;
    strings.push(...parts.map(([start, end]) => ({ start, end, gaps: [] })));
  };
  const upTo = (text: string, from: number) => {
    const found = source.indexOf(text, from);
    return found < 0 ? source.length : found;
  };

  /** Commands up to the end of the file, or up to the `)` or `}` of an expansion. */
  function commands(closing?: ")" | "}"): void {
    let depth = 0;
    while (at < source.length) {
      const rest = source.slice(at, at + 64);
      const c = source[at]!;
      if (c === "\\") at += 2;
      else if (c === "'") singleQuoted();
      else if (c === '"') doubleQuoted();
      else if (/^\$[({]/.test(rest)) expansion();
      else if (c === "#" && closing !== "}" && /^$|[\s;(|&]/.test(source[at - 1] ?? "")) comment();
      else if (/^<<-?\s*["'\\]?\w/.test(rest) && source[at - 1] !== "<") heredocBegins(rest);
      else if (c === "\n" && heredocs.length) heredocBody();
      else {
        if (c === "(" && closing === ")") depth++;
        if (c === closing && depth-- === 0) return;
        at++;
      }
    }
  }
  function singleQuoted() {
    const end = upTo("'", at + 1);
    add([[at + 1, end]]);
    at = end + 1;
  }
  function doubleQuoted() {
    const parts: Range[] = [];
    let start = ++at;
    const cut = () => parts.push([start, at]);
    while (at < source.length && source[at] !== '"') {
      if (source[at] === "\\") at += 2;
      else if (/^\$[({]/.test(source.slice(at, at + 2))) {
        cut();
        expansion();
        start = at;
      } else if (/^\$[\w@*#?!$-]/.test(source.slice(at, at + 2))) {
        cut();
        at += /^\$(?:\w+|.)/.exec(source.slice(at, at + 64))![0].length;
        start = at;
      } else at++;
    }
    cut();
    add(parts);
    at++;
  }
  function expansion() {
    const closing = source[at + 1] === "(" ? ")" : "}";
    at += 2;
    commands(closing);
    at++;
  }
  function comment() {
    const end = upTo("\n", at);
    if (!source.startsWith("#!", at) && !source.startsWith("# shellcheck ", at)) comments.push([at, end]);
    at = end;
  }
  function heredocBegins(rest: string) {
    const [text, dash, word] = /^<<(-?)\s*["'\\]?(\w+)["']?/.exec(rest)!;
    heredocs.push({ word: word!, tabs: dash === "-" });
    at += text.length;
  }
  function heredocBody() {
    at++;
    for (const { word, tabs } of heredocs.splice(0)) {
      const start = at;
      while (at < source.length) {
        const end = upTo("\n", at);
        const line = source.slice(at, end);
        if ((tabs ? line.replace(/^\t+/, "") : line) === word) break;
        at = end + 1;
      }
      add([[start, Math.min(at, source.length)]]);
      at = upTo("\n", at);
    }
  }

  commands();
  return [...commentPassages(source, comments), ...strings].sort((a, b) => a.start - b.start);
};
