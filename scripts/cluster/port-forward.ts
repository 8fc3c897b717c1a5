/** Runs `kubectl port-forward` to a Service, on a free local port, while a function runs. */
import { clusterEnv, clusterFlags, type Kube } from "./kubectl";
import { Failure } from "../terminal/ui";

const START_MS = 20_000;

/** Calls `use` with the local address, such as `http://127.0.0.1:40123`; then stops the port-forward. */
export async function forwarded<T>(
  kube: Kube,
  target: { namespace: string; service: string; port: number; pod?: string },
  use: (address: string) => Promise<T>,
): Promise<T> {
  const object = target.pod ? `pod/${target.pod}` : `svc/${target.service}`;
  const { execa } = await import("execa");
  const child = execa(
    "kubectl",
    [...clusterFlags(kube.config), "-n", target.namespace, "port-forward", object, `:${target.port}`],
    {
      stdin: "ignore",
      env: clusterEnv(kube.config),
      reject: false,
    },
  );
  try {
    const address = await new Promise<string>((resolve, reject) => {
      const fail = (why: string) =>
        reject(
          new Failure(`No connection to ${object} in namespace ${target.namespace}: ${why}`, "See: npm run status"),
        );
      const timer = setTimeout(() => fail(`kubectl port-forward did not start within ${START_MS / 1000} s`), START_MS);
      let stderr = "";
      child.stderr.on("data", (chunk: Buffer) => (stderr += chunk.toString()));
      child.stdout.on("data", (chunk: Buffer) => {
        const port = /127\.0\.0\.1:(\d+)/.exec(chunk.toString())?.[1];
        if (!port) return;
        clearTimeout(timer);
        resolve(`http://127.0.0.1:${port}`);
      });
      void child.then(() => {
        clearTimeout(timer);
        fail(stderr.trim() || "kubectl port-forward ended");
      });
    });
    return await use(address);
  } finally {
    child.kill();
    await child;
  }
}
