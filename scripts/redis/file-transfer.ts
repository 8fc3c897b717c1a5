/** Files between this machine and a Redis pod, as streams: they may be larger than memory. */
import { createReadStream, createWriteStream } from "node:fs";
import { Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import { clusterFlags, type Kube } from "../cluster/kubectl";
import { Failure } from "../terminal/ui";

/** Longest transfer, ms. */
const LIMIT_MS = 30 * 60_000;

/** Bytes so far. */
type Progress = (bytes: number) => void;

async function shell(kube: Kube, pod: string, script: string, stdin: "ignore" | "pipe") {
  const { execa } = await import("execa");
  const { config } = kube;
  const args = ["-n", config.namespaces.app, "exec", ...(stdin === "pipe" ? ["-i"] : []), pod, "-c", "redis"];
  const child = execa("kubectl", [...clusterFlags(config), ...args, "--", "sh", "-c", script], {
    ...({ stdin, buffer: { stdout: false }, reject: false, timeout: LIMIT_MS } as const),
    ...(config.kubeconfigs.length > 1 ? { env: { KUBECONFIG: config.kubeconfigs.join(":") } } : {}),
  });
  const ended = async () => {
    const { exitCode, stderr, timedOut } = await child;
    if (exitCode === 0) return;
    const said = timedOut ? `no end within ${LIMIT_MS / 60_000} minutes` : stderr.trim() || `exit code ${exitCode}`;
    throw new Failure(`The transfer failed: ${said}`, "See: npm run status");
  };
  // a promise of the child itself would be one of its end
  return { input: child.stdin, output: child.stdout, ended };
}

function counted(progress: Progress): Transform {
  let bytes = 0;
  return new Transform({
    transform(chunk: Buffer, _, done) {
      progress((bytes += chunk.length));
      done(undefined, chunk);
    },
  });
}

/** What a shell line in the pod writes, in a file that only its owner may read. @throws Failure with kubectl's words */
export async function download(
  kube: Kube,
  pod: string,
  script: string,
  file: string,
  progress: Progress,
): Promise<void> {
  const { output, ended } = await shell(kube, pod, script, "ignore");
  await pipeline(output!, counted(progress), createWriteStream(file, { mode: 0o600 }));
  await ended();
}

/** A file as the input of a shell line in the pod. @throws Failure with kubectl's words */
export async function upload(kube: Kube, pod: string, script: string, file: string, progress: Progress): Promise<void> {
  const { input, output, ended } = await shell(kube, pod, script, "pipe");
  output?.resume();
  // a shell that ends early closes its input: its words are what matters
  await pipeline(createReadStream(file), counted(progress), input!).catch(() => undefined);
  await ended();
}
