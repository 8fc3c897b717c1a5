/** CPU usage of the control plane on this machine, by process. */
import * as fs from "node:fs";
import * as path from "node:path";

/** CPU usage in cores of the processes that run on this machine. */
export type Cores = Readonly<Record<string, number>>;

/** The controller manager, which runs the autoscalers, and the programs that it depends on. */
const PROGRAMS = ["kube-controller-manager", "kube-apiserver", "etcd", "metrics-server"];

/** CPU time that each program on this machine has used since it started, in seconds. */
function cpuSeconds(): Map<string, number> {
  const used = new Map<string, number>();
  for (const pid of fs.readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
    try {
      const name = path.basename(fs.readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0")[0]!);
      if (!PROGRAMS.includes(name)) continue;
      const fields = fs.readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]!.split(" ");
      used.set(name, (used.get(name) ?? 0) + (Number(fields[11]) + Number(fields[12])) / 100);
    } catch {
      // the process has ended
    }
  }
  return used;
}

export async function cores(during: () => Promise<void>): Promise<Cores> {
  const before = cpuSeconds();
  const begin = performance.now();
  await during();
  const seconds = (performance.now() - begin) / 1000;
  return Object.fromEntries(
    [...cpuSeconds()].map(([name, used]) => [name, (used - (before.get(name) ?? used)) / seconds]),
  );
}
