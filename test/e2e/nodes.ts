/** Nodes that may be taken away, by commands of the environment with {node} for the name: E2E_NODES, E2E_NODE_STOP, E2E_NODE_START. */
import { execFileSync } from "node:child_process";

/** Those that may go; none where the environment names none. */
export const nodesThatMayGo = (process.env["E2E_NODES"] ?? "").split(",").filter(Boolean);

/** Kills a node, or brings it back. @throws where nobody has said how */
export function nodeCommand(what: "STOP" | "START", node: string): void {
  const line = process.env[`E2E_NODE_${what}`];
  if (!line) throw new Error(`E2E_NODE_${what} must say by what command a node goes and comes back`);
  execFileSync("sh", ["-c", line.replaceAll("{node}", node)], { stdio: "inherit", timeout: 120_000 });
}
