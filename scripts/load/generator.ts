/** Generates the load with k6, in a pod of the cluster or on this machine, and reads its figures from k6's HTTP API. */
import type { Kube } from "../cluster/kubectl";
import { run, RunError } from "../terminal/run-program";
import { Failure } from "../terminal/ui";
import { k6Flags, k6Script, parseCounts, parseStatus, virtualUsers, type Counts, type ScriptOptions } from "./k6";

export interface Generator {
  /** Where k6 runs, for messages. */
  readonly where: string;
  /** Resolves when k6's API answers. */
  start(options: ScriptOptions): Promise<void>;
  state(): Promise<"starting" | "running" | "ended">;
  counts(): Promise<Counts>;
  /** Stops k6, and deletes its pod. */
  stop(): Promise<void>;
}

const NAME = "iacproject-load";
const PORT = 6565;
const START_MS = 120_000;
/** Seconds between the end of the load and the pod's deadline, in case nothing deletes the pod. */
const GRACE_SECONDS = 120;

const LABELS = { "app.kubernetes.io/name": NAME, "app.kubernetes.io/part-of": "iacproject-tools" };

export class PodGenerator implements Generator {
  constructor(
    private readonly kube: Kube,
    private readonly image: string,
    private readonly namespace: string,
  ) {}

  get where(): string {
    return `pod ${this.namespace}/${NAME}`;
  }

  async start(options: ScriptOptions): Promise<void> {
    const existing = await this.kube.get("pod", NAME, this.namespace);
    if (existing?.status?.phase === "Running" && !existing.metadata.deletionTimestamp) {
      throw new Failure(
        `Another load is running: ${this.where}.`,
        `Wait until it ends, or stop it: kubectl -n ${this.namespace} delete pod ${NAME}`,
      );
    }
    await this.stop();
    const metadata = { name: NAME, namespace: this.namespace, labels: LABELS };
    const pod = {
      apiVersion: "v1",
      kind: "Pod",
      metadata,
      spec: {
        restartPolicy: "Never",
        automountServiceAccountToken: false,
        activeDeadlineSeconds: options.shape.seconds + GRACE_SECONDS,
        terminationGracePeriodSeconds: 5,
        securityContext: { runAsNonRoot: true, runAsUser: 12345, seccompProfile: { type: "RuntimeDefault" } },
        containers: [
          {
            name: "k6",
            image: this.image,
            args: [...k6Flags(`0.0.0.0:${PORT}`), "/load/load.js"],
            env: [{ name: "HOME", value: "/tmp" }],
            ports: [{ containerPort: PORT, name: "http" }],
            resources: {
              requests: { cpu: "100m", memory: "128Mi" },
              limits: { memory: `${256 + virtualUsers(options.shape)}Mi` },
            },
            securityContext: {
              allowPrivilegeEscalation: false,
              readOnlyRootFilesystem: true,
              capabilities: { drop: ["ALL"] },
            },
            volumeMounts: [
              { name: "load", mountPath: "/load", readOnly: true },
              { name: "tmp", mountPath: "/tmp" },
            ],
          },
        ],
        volumes: [
          { name: "load", configMap: { name: NAME } },
          { name: "tmp", emptyDir: {} },
        ],
      },
    };
    const script = { apiVersion: "v1", kind: "ConfigMap", metadata, data: { "load.js": k6Script(options) } };
    await this.kube.apply({ apiVersion: "v1", kind: "List", items: [script, pod] });
    await untilAnswering(this, async () => {
      const { status } = (await this.kube.get("pod", NAME, this.namespace)) ?? {};
      const { waiting, terminated } = status?.containerStatuses?.[0]?.state ?? {};
      if (terminated) throw new Failure(`k6 exited with code ${terminated.exitCode}: ${await this.log()}`);
      const unscheduled = (status?.conditions ?? []).find(
        (c: { type: string; status: string }) => c.type === "PodScheduled" && c.status === "False",
      );
      return waiting?.message ?? waiting?.reason ?? unscheduled?.message ?? status?.phase ?? "no pod yet";
    });
  }

  async state() {
    return parseStatus(await this.api("status"));
  }

  async counts(): Promise<Counts> {
    return parseCounts(await this.api("metrics"));
  }

  async stop(): Promise<void> {
    await this.kube.raw(["-n", this.namespace, "delete", "pod,configmap", NAME, "--ignore-not-found", "--wait"], {
      timeoutMs: 60_000,
    });
  }

  private api(path: string): Promise<string> {
    return this.kube.raw([
      "get",
      "--raw",
      `/api/v1/namespaces/${this.namespace}/pods/${NAME}:${PORT}/proxy/v1/${path}`,
    ]);
  }

  private async log(): Promise<string> {
    const log = await this.kube.raw(["-n", this.namespace, "logs", NAME, "--tail=5"]).catch(() => "");
    return log.trim() || `it logged nothing; check that ${this.image} is the k6 image`;
  }
}

export class LocalGenerator implements Generator {
  private child: { kill(signal?: NodeJS.Signals): boolean; exitCode: number | null } | undefined;
  private stderr = "";

  constructor(
    private readonly program: string,
    private readonly port: number,
  ) {}

  get where(): string {
    return "this machine";
  }

  async start(options: ScriptOptions): Promise<void> {
    try {
      await run(this.program, ["version"], { timeoutMs: 10_000 });
    } catch (error) {
      if (!(error instanceof RunError)) throw error;
      throw new Failure(
        `${this.program} is not installed or cannot be run: ${error.message}`,
        "Install k6 (https://grafana.com/docs/k6/latest/set-up/install-k6). Or omit --here to run k6 in a pod.",
      );
    }
    const { spawn } = await import("node:child_process");
    const child = spawn(this.program, [...k6Flags(`127.0.0.1:${this.port}`), "-"], {
      stdio: ["pipe", "ignore", "pipe"],
      // its own process group, so that Ctrl+C does not stop it before the figures are read
      detached: true,
    });
    this.child = child;
    child.stderr.on("data", (chunk: Buffer) => (this.stderr = `${this.stderr}${chunk.toString()}`.slice(-2000)));
    child.stdin.end(k6Script(options));
    await untilAnswering(this, () => {
      if (child.exitCode !== null) throw new Failure(`k6 exited with code ${child.exitCode}: ${this.stderr.trim()}`);
      return Promise.resolve("k6 does not answer yet");
    });
  }

  async state() {
    return parseStatus(await this.api("status"));
  }

  async counts(): Promise<Counts> {
    return parseCounts(await this.api("metrics"));
  }

  stop(): Promise<void> {
    this.child?.kill("SIGTERM");
    return Promise.resolve();
  }

  private async api(path: string): Promise<string> {
    const response = await fetch(`http://127.0.0.1:${this.port}/v1/${path}`, { signal: AbortSignal.timeout(5000) });
    if (!response.ok) throw new Error(`k6 answered ${response.status}`);
    return response.text();
  }
}

/** Waits until k6's API answers; `why` returns the reason if it does not. */
async function untilAnswering(generator: Generator, why: () => Promise<string>): Promise<void> {
  for (const end = Date.now() + START_MS; ;) {
    try {
      await generator.state();
      return;
    } catch {
      const reason = await why();
      if (Date.now() > end) throw new Failure(`The load did not start within ${START_MS / 1000} s: ${reason}`);
      await new Promise((resolve) => setTimeout(resolve, 300));
    }
  }
}
