/**
 * Runs API processes in separate network namespaces, connected to the switch of the Redis pods, and drops packets
 * between any two namespaces. Packets on established connections are dropped too, as in a broken network.
 */
import { execFileSync, spawnSync } from "node:child_process";

/** The switch's end, where the clients run. */
const PREFIX = "10.99.0";
export const apiAddress = (n: number) => `${PREFIX}.${20 + n}`;
export const apiNamespace = (n: number) => `iac-history-api-${n}`;

const ip = (...args: string[]) => execFileSync("ip", args, { stdio: "pipe" });

/** @throws if packets cannot be dropped here */
export function networkRequirements(): void {
  if (spawnSync("iptables", ["--version"]).status !== 0)
    throw new Error("iptables is not installed, but the faults need it to drop packets");
}

/** Connects a new namespace to a switch. @param port name of the interface on the switch, at most 15 characters */
export function addNamespace(namespace: string, port: string, switchName: string, address: string): void {
  // of an interrupted run
  removeNamespace(namespace);
  ip("netns", "add", namespace);
  ip("-n", switchName, "link", "add", port, "type", "veth", "peer", "name", "eth0", "netns", namespace);
  ip("-n", switchName, "link", "set", port, "master", "bridge", "up");
  ip("-n", namespace, "addr", "add", `${address}/24`, "dev", "eth0");
  for (const device of ["eth0", "lo"]) ip("-n", namespace, "link", "set", device, "up");
}

/** Creates a namespace with a bridge that others are connected to. */
export function addSwitch(switchName: string): void {
  removeNamespace(switchName);
  ip("netns", "add", switchName);
  ip("-n", switchName, "link", "set", "lo", "up");
  ip("-n", switchName, "link", "add", "bridge", "type", "bridge");
  ip("-n", switchName, "addr", "add", `${PREFIX}.1/24`, "dev", "bridge");
  ip("-n", switchName, "link", "set", "bridge", "up");
}

/** Kills every process in a namespace, then removes the namespace. */
export function removeNamespace(namespace: string): void {
  for (const pid of processes(namespace)) {
    try {
      process.kill(pid, "SIGKILL");
    } catch {
      // already ended
    }
  }
  spawnSync("ip", ["netns", "del", namespace]);
}

/** The processes in a namespace. */
export function processes(namespace: string): number[] {
  const pids = spawnSync("ip", ["netns", "pids", namespace], { encoding: "utf8" }).stdout?.trim();
  return pids ? pids.split(/\s+/).map(Number) : [];
}

/** An iptables rule: its chain and match. */
export type Rule = readonly ["INPUT" | "OUTPUT", ...string[]];

/** Drops packets in a namespace. @returns a function that stops this; safe to call twice */
export function drop(namespace: string, rules: readonly Rule[]): () => void {
  const run = (what: "-A" | "-D", [chain, ...match]: Rule) =>
    ip("netns", "exec", namespace, "iptables", "-w", what, chain, ...match, "-j", "DROP");
  for (const rule of rules) run("-A", rule);
  let dropping = true;
  return () => {
    if (dropping) for (const rule of rules) run("-D", rule);
    dropping = false;
  };
}

/** All packets from and to these addresses. */
export const everything = (addresses: readonly string[]): Rule[] =>
  addresses.flatMap((address): Rule[] => [
    ["INPUT", "-s", address],
    ["OUTPUT", "-d", address],
  ]);
