/** Nodes that may be taken away, by commands of the environment with {node} for the name: E2E_NODES, E2E_NODE_STOP, E2E_NODE_START. */
import { execFileSync } from "node:child_process";
import { app, eventually, isReady, kube } from "./system";

/** Those that may go; none where the environment names none. */
export const nodesThatMayGo = (process.env["E2E_NODES"] ?? "").split(",").filter(Boolean);

/** Kills a node, or brings it back. @throws where nobody has said how */
export function nodeCommand(what: "STOP" | "START", node: string): void {
  const line = process.env[`E2E_NODE_${what}`];
  if (!line) throw new Error(`E2E_NODE_${what} must say by what command a node goes and comes back`);
  execFileSync("sh", ["-c", line.replaceAll("{node}", node)], { stdio: "inherit", timeout: 120_000 });
}

/**
 * Has main on one of `nodes`: where it is on another one, it is made anew there, with a new volume. Only before anything
 * is written; not for a pool of several.
 */
export async function mainOn(nodes: readonly string[]): Promise<void> {
  const where = async () => (await kube.get("pod", "redis-main-0", app))?.spec?.["nodeName"] as string | undefined;
  if (nodes.includes((await where()) ?? "")) return;
  const others = (await kube.list("nodes")).map((n) => n.metadata.name).filter((n) => !nodes.includes(n));
  for (const node of others) await kube.raw(["cordon", node]);
  try {
    await kube.raw(["-n", app, "delete", "pvc", "data-redis-main-0", "--wait=false"]);
    await kube.raw(["-n", app, "delete", "pod", "redis-main-0"], { timeoutMs: 120_000 });
    await eventually(`main on ${nodes.join(" or ")}`, 120, async () => {
      const pod = await kube.get("pod", "redis-main-0", app);
      return pod && isReady(pod) && nodes.includes(pod.spec?.["nodeName"] as string) ? true : undefined;
    });
  } finally {
    for (const node of others) await kube.raw(["uncordon", node]);
  }
}

/**
 * Has a pool's main on one of `nodes`: where it is on another one, it is told to hand over.
 * @param settled waits for a pool that is whole, and names its main
 * @returns the name of main's pod
 */
export const handedOverTo = (nodes: readonly string[], settled: () => Promise<string>): Promise<string> =>
  eventually(`main on ${nodes.join(" or ")}`, 240, async () => {
    const main = await settled();
    if (nodes.includes((await kube.get("pod", main, app))?.spec?.["nodeName"] as string)) return main;
    await kube.raw(["-n", app, "delete", "pod", main], { timeoutMs: 120_000 });
    return undefined;
  });
