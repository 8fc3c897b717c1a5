/** CPU of the control plane on this machine, by process. */
import * as fs from "node:fs";
import * as path from "node:path";

/** CPU by process; those that do not run on this machine are not there. */
export type Cores = Readonly<Record<string, number>>;

/** What decides and what it asks, by the name of its program. */
const PROGRAMS = ["kube-controller-manager", "kube-apiserver", "etcd", "metrics-server"];

/** CPU seconds of each program on this machine, since its start. */
function cpuSeconds(): Map<string, number> {
  const used = new Map<string, number>();
  for (const pid of fs.readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
    try {
      const name = path.basename(fs.readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0")[0]!);
      if (!PROGRAMS.includes(name)) continue;
      const fields = fs.readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]!.split(" ");
      used.set(name, (used.get(name) ?? 0) + (Number(fields[11]) + Number(fields[12])) / 100);
    } catch {
      // it has ended meanwhile
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
