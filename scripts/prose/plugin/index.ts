import ts from "typescript";
import { block } from "./block";
import { hash } from "./hash";
import { mask } from "./mask";
import type { Reader } from "./passage";
import { shell } from "./shell";
import { tree } from "./tree";
import { typescript } from "./typescript";
import { yaml } from "./yaml";

const readers: Record<string, Reader> = {
  ".ts": typescript(ts.ScriptKind.TS),
  ".tsx": typescript(ts.ScriptKind.TSX),
  ".mjs": typescript(ts.ScriptKind.JS),
  ".js": typescript(ts.ScriptKind.JS),
  ".json": typescript(ts.ScriptKind.JSON),
  ".css": block,
  ".sh": shell,
  ".yaml": yaml,
  ".yml": yaml,
  ".hash": hash,
};

/** A textlint plugin that finds the prose in code. Positions are those of the source. */
export default {
  Processor: class {
    availableExtensions = () => Object.keys(readers);
    processor = (extension: string) => ({
      preProcess(source: string) {
        const passages = readers[extension]!(source).filter(({ start, end }) =>
          /\p{L}/u.test(source.slice(start, end)),
        );
        const text = mask(source, passages);
        return { text, ast: tree(text, passages) };
      },
      postProcess: <M>(messages: M[], filePath = "<text>") => ({ messages, filePath }),
    });
  },
};
