/** Reads the start time of a container's process from the kernel, because Kubernetes reports only whole seconds. */
import { app, kube } from "../../test/e2e/helpers/system";

/** Start time in ms since the epoch, accurate to 10 ms. */
export async function podStart(pod: string, container: string): Promise<number> {
  const script = `read -r up _ </proc/uptime; read -r stat </proc/1/stat; echo "$(date +%s.%N) $up \${stat##*) }"`;
  const out = await kube.raw(["-n", app, "exec", pod, "-c", container, "--", "sh", "-c", script]);
  const [now, up, ...fields] = out.trim().split(" ");
  // the 20th field after the command name in parentheses: the start time since boot, in ticks of 10 ms
  return Math.round((Number(now) - Number(up) + Number(fields[19]) / 100) * 1000);
}
