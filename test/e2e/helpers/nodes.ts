/**
 * Nodes that the tests may stop (E2E_NODES), and the commands that stop and start them (E2E_NODE_STOP and
 * E2E_NODE_START), in which {node} stands for the name.
 */
import { execFileSync } from "node:child_process";
import { app, eventually, isReady, kube } from "./system";

/** Empty if E2E_NODES is not set. */
export const removableNodes = (process.env["E2E_NODES"] ?? "").split(",").filter(Boolean);

/** Stops a node, or starts it again. @throws if the environment variable with the command is not set */
export function nodeCommand(what: "STOP" | "START", node: string): void {
  const line = process.env[`E2E_NODE_${what}`];
  if (!line)
    throw new Error(
      `E2E_NODE_${what} must contain the command that stops or starts a node, with {node} as a placeholder for its name`,
    );
  execFileSync("sh", ["-c", line.replaceAll("{node}", node)], { stdio: "inherit", timeout: 120_000 });
}

/**
 * Ensures that main runs on one of `nodes`: if it does not, this function recreates it there with a new volume. Use it
 * only before the first write, and not for a Sentinel group.
 */
export async function moveMainTo(nodes: readonly string[]): Promise<void> {
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
 * Ensures that a Sentinel group's main runs on one of `nodes`: repeatedly deletes main's pod, which causes a failover,
 * until it does.
 * @param settled waits until the group is healthy, and returns the name of its main
 * @returns the name of main's pod
 */
export const failOverTo = (nodes: readonly string[], settled: () => Promise<string>): Promise<string> =>
  eventually(`main on ${nodes.join(" or ")}`, 240, async () => {
    const main = await settled();
    if (nodes.includes((await kube.get("pod", main, app))?.spec?.["nodeName"] as string)) return main;
    await kube.raw(["-n", app, "delete", "pod", main], { timeoutMs: 120_000 });
    return undefined;
  });
