/** The picture of the code: its folders, and the imports allowed between them. */
import { execFileSync } from "node:child_process";
import * as fs from "node:fs";
import * as path from "node:path";
import { PROJECT_ROOT } from "../../../catalog/paths";
import { attributes, digraph, escaped, FAINT } from "./dot";
import { contents, foldersIn } from "./folders";

/** The folders that the picture shows. Tests and benchmarks may import all of them. */
const DRAWN = ["main.ts", "scripts", "stacks", "modules", "dashboards", "config", "catalog"] as const;
const IMAGES = ["images/node", "images/react"] as const;
const LEGEND = "Solid: may import this folder and every folder it leads to. Dashed: builds the image, without imports.";
const COLUMNS = 4;

type Arrows = ReadonlyMap<string, ReadonlySet<string>>;

/** The folders that each drawn folder imports, read from the import statements. */
export function imports(): Arrows {
  const files = execFileSync("git", ["ls-files", "-co", "--exclude-standard", "*.ts"], {
    cwd: PROJECT_ROOT,
    encoding: "utf8",
  });
  const arrows = new Map<string, Set<string>>(DRAWN.map((folder) => [folder, new Set()]));
  for (const file of files.trim().split("\n")) {
    const from = file.split("/")[0]!;
    if (!arrows.has(from) || !fs.existsSync(path.join(PROJECT_ROOT, file))) continue;
    const text = fs.readFileSync(path.join(PROJECT_ROOT, file), "utf8");
    for (const [, target] of text.matchAll(/^(?:import|export|\}) .*?from "(\.[^"]+)";$/gm)) {
      const to = path.posix.join(path.posix.dirname(file), target!).split("/")[0]!;
      if (to !== from && arrows.has(to)) arrows.get(from)!.add(to);
    }
  }
  return arrows;
}

/** All folders that `from` reaches. @throws if `from` reaches itself */
export function reached(arrows: Arrows, from: string, by: readonly string[] = []): ReadonlySet<string> {
  if (by.includes(from)) throw new Error(`circular imports: ${[...by, from].join(" → ")}`);
  return new Set([...(arrows.get(from) ?? [])].flatMap((to) => [to, ...reached(arrows, to, [...by, from])]));
}

/** Without the arrows that follow from others. */
const direct = (arrows: Arrows, from: string): readonly string[] => {
  const all = [...arrows.get(from)!];
  return all.filter((to) => !all.some((other) => other !== to && reached(arrows, other).has(to)));
};

const cell = (text: string, more = "") => `<td ${more}>${text}</td>`;

function box(folder: string): string {
  const text =
    folder === "main.ts" ? "configuration, layers, synthesis" : contents(folder).split(";")[0]!.replaceAll("`", "");
  const rooms = folder.endsWith(".ts") ? [] : foldersIn(IMAGES.includes(folder as never) ? `${folder}/src` : folder);
  const name = folder.endsWith(".ts") ? folder : `${folder}/`;
  const grid = Array.from({ length: Math.ceil(rooms.length / COLUMNS) }, (_, row) => {
    const part = rooms.slice(row * COLUMNS, (row + 1) * COLUMNS);
    return `<tr>${part
      .map((r) =>
        cell(`<font point-size="12">${r.split("/").pop()}/</font>`, 'bgcolor="white" border="1" color="#cbd5e1"'),
      )
      .join("")}</tr>`;
  });
  const head = `<b>${name}</b><br/><font point-size="12" color="${FAINT}">${escaped(text)}</font>`;
  const style = `border="1" cellborder="0" cellpadding="6" cellspacing="4" style="rounded" color="#9fb3c8"`;
  const fill = IMAGES.includes(folder as never) ? "#f1f3f5" : "#dbe7ff";
  const label = `<<table ${style} bgcolor="${fill}"><tr>${cell(head, `colspan="${COLUMNS}"`)}</tr>${grid.join("")}</table>>`;
  return `"${folder}" ${attributes({ label })}`;
}

/** The code in DOT. */
export function codeGraph(): string {
  const arrows = imports();
  return digraph({ rankdir: "TB", nodesep: 0.4, ranksep: 0.45, label: LEGEND }, [
    ...[...DRAWN, ...IMAGES].map(box),
    ...DRAWN.flatMap((from) => direct(arrows, from).map((to) => `"${from}" -> "${to}"`)),
    ...IMAGES.map(
      (image) => `"modules" -> "${image}" ${attributes({ style: "dashed", label: "builds", constraint: "true" })}`,
    ),
  ]);
}
