/** Streams files between this machine and a Redis pod; they may be larger than memory. */
import { createReadStream, createWriteStream } from "node:fs";
import { Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import { clusterEnv, clusterFlags, type Kube } from "../cluster/kubectl";
import { Failure } from "../terminal/ui";

/** Timeout of a transfer, ms. */
const LIMIT_MS = 30 * 60_000;

/** Called with the number of bytes transferred so far. */
type Progress = (bytes: number) => void;

async function shell(kube: Kube, pod: string, script: string, stdin: "ignore" | "pipe") {
  const { execa } = await import("execa");
  const { config } = kube;
  const args = ["-n", config.namespaces.app, "exec", ...(stdin === "pipe" ? ["-i"] : []), pod, "-c", "redis"];
  const child = execa("kubectl", [...clusterFlags(config), ...args, "--", "sh", "-c", script], {
    ...({ stdin, buffer: { stdout: false }, reject: false, timeout: LIMIT_MS } as const),
    env: clusterEnv(config),
  });
  const ended = async () => {
    const { exitCode, stderr, timedOut } = await child;
    if (exitCode === 0) return;
    const reason = timedOut
      ? `not finished within ${LIMIT_MS / 60_000} minutes`
      : stderr.trim() || `exit code ${exitCode}`;
    throw new Failure(`The transfer failed: ${reason}`, "See: npm run status");
  };
  // not the child itself, because it is a promise, which async functions would await
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

/** Writes the output of a shell command in the pod to a file with mode 0600. @throws Failure with kubectl's error */
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

/** Passes a file as input to a shell command in the pod. @throws Failure with kubectl's error */
export async function upload(kube: Kube, pod: string, script: string, file: string, progress: Progress): Promise<void> {
  const { input, output, ended } = await shell(kube, pod, script, "pipe");
  output?.resume();
  // a shell that exits early closes its input; report the shell's own error
  await pipeline(createReadStream(file), counted(progress), input!).catch(() => undefined);
  await ended();
}
