/** Runs kubectl on the configured cluster and parses its JSON. */
import type { Config } from "../../config";
import { run as realRun, RunError, type Run } from "../terminal/run-program";
import { Failure } from "../terminal/ui";
import type { KubeObject } from "./kube-object";
import { linesOf, loginProblem } from "./login";

export { isReady, type KubeObject } from "./kube-object";

/** Flags that select the configured cluster. */
export function clusterFlags(config: Config): string[] {
  const context = config.cluster.context ? ["--context", config.cluster.context] : [];
  // --kubeconfig takes one file; KUBECONFIG merges several
  return config.kubeconfigs.length === 1 ? ["--kubeconfig", config.kubeconfigs[0]!, ...context] : context;
}

/**
 * kubectl's environment: all kubeconfig files, and no preferences (kuberc), which can change what a command does: with
 * `delete: interactive=true` there, kubectl deletes nothing and still exits with 0.
 */
export const clusterEnv = ({ kubeconfigs }: Config): Readonly<Record<string, string>> => ({
  KUBERC: "off",
  KUBECTL_KUBERC: "false",
  ...(kubeconfigs.length > 1 ? { KUBECONFIG: kubeconfigs.join(":") } : {}),
});

/** Time that an unresponsive kubectl has to exit before it is killed, in ms; it has nothing to save. */
const GRACE_MS = 1000;

/** What {@link Kube.describe} returns for a kubeconfig without a current context. */
export const NO_CONTEXT = "(no context)";

export class Kube {
  constructor(
    readonly config: Config,
    private readonly run: Run = realRun,
  ) {}

  async raw(args: readonly string[], options: { timeoutMs?: number; input?: string } = {}): Promise<string> {
    const { stdout } = await this.run("kubectl", [...clusterFlags(this.config), ...args], {
      timeoutMs: options.timeoutMs ?? 30_000,
      graceMs: GRACE_MS,
      ...(options.input === undefined ? {} : { input: options.input }),
      env: clusterEnv(this.config),
    });
    return stdout;
  }

  /** Creates or updates an object, or all objects of a `List`. */
  async apply(object: object): Promise<void> {
    await this.raw(["apply", "-f", "-"], { input: JSON.stringify(object) });
  }

  /** A list of objects; empty if the kind does not exist. `args`: kind, namespace, selector… */
  async list(...args: string[]): Promise<KubeObject[]> {
    try {
      const out = await this.raw(["get", ...args, "-o", "json", "--ignore-not-found"]);
      if (!out.trim()) return [];
      const parsed = JSON.parse(out) as KubeObject & { items?: KubeObject[] };
      return parsed.items ?? [parsed];
    } catch (error) {
      if (
        error instanceof RunError &&
        /doesn't have a resource type|could not find the requested resource/.test(error.output)
      )
        return [];
      throw error;
    }
  }

  /** Kinds that {@link visible} could not list, because this user lacks the permission. */
  readonly forbidden = new Set<string>();

  /** Like {@link list}, but empty if this user may not list the kind; `forbidden` then names it. */
  async visible(...args: string[]): Promise<KubeObject[]> {
    try {
      return await this.list(...args);
    } catch (error) {
      if (!(error instanceof RunError && /forbidden/i.test(error.output))) throw error;
      const namespace = args.includes("-n") ? ` in ${args[args.indexOf("-n") + 1]}` : "";
      for (const kind of args[0]!.split(",")) this.forbidden.add(`${kind}${namespace}`);
      return [];
    }
  }

  /** Whether the cluster serves an API, such as metrics.k8s.io/v1beta1; needs no permission. */
  async serves(groupVersion: string): Promise<boolean> {
    try {
      return (await this.raw(["get", "--raw", `/apis/${groupVersion}`])).trim() !== "";
    } catch (error) {
      if (error instanceof RunError && /not ?found|could not find/i.test(error.output)) return false;
      throw error;
    }
  }

  async get(kind: string, name: string, namespace?: string): Promise<KubeObject | undefined> {
    return (await this.list(kind, name, ...(namespace ? ["-n", namespace] : [])))[0];
  }

  /** Server version. @throws Failure with the reason if the cluster does not answer */
  async ping(): Promise<string> {
    try {
      const out = await this.raw(["version", "-o", "json", "--request-timeout=10s"], { timeoutMs: 15_000 });
      return (JSON.parse(out) as { serverVersion?: { gitVersion: string } }).serverVersion?.gitVersion ?? "unknown";
    } catch (error) {
      if (!(error instanceof RunError)) throw error;
      if (error.code === undefined && !error.output) throw error;
      const name = await this.describe();
      // an unusable context or kubeconfig has its own error message
      if (name.startsWith(NO_CONTEXT) && !this.config.clusterIsNamed)
        throw new Failure(
          "No cluster is configured.",
          "Set cluster.context in config.yaml or KUBECONFIG. To create a local cluster: npm run up",
        );
      const login = loginProblem(error, ["kubectl", ...clusterFlags(this.config), "version"].join(" "));
      if (login) throw new Failure(`The cluster ${name} cannot be used: ${login.reason}`, login.next);
      const reason = linesOf(error.output).at(-1) ?? error.message;
      throw new Failure(
        `The cluster ${name} cannot be reached: ${reason}`,
        "Start it, or choose another cluster: cluster.context in config.yaml, or KUBECONFIG.",
      );
    }
  }

  /** Context and server of the cluster; each is undefined if the kubeconfig does not name it. */
  async selected(): Promise<{ readonly context?: string; readonly server?: string }> {
    // gcloud's kubectl queries the cluster's version each time it runs, so even this command can fail
    const view = await this.raw(["config", "view", "--minify", "-o", "json"], { timeoutMs: 10_000 }).catch(
      (error: unknown) => {
        const isSilent = error instanceof RunError && error.code === undefined && this.config.cluster.context;
        return isSilent ? JSON.stringify({ "current-context": this.config.cluster.context }) : "{}";
      },
    );
    const config = JSON.parse(view) as {
      "current-context"?: string;
      clusters?: { cluster: { server: string } }[] | null;
    };
    const server = config.clusters?.[0]?.cluster.server;
    const context = config["current-context"];
    return { ...(context ? { context } : {}), ...(server ? { server } : {}) };
  }

  /** The cluster's context and server, for messages. */
  async describe(): Promise<string> {
    const { context, server } = await this.selected();
    return `${context ?? NO_CONTEXT}${server ? ` at ${server}` : ""}`;
  }
}
