/** Runs Terraform on a synthesized layer: init, plan, apply, destroy, outputs, with progress. */
import { createHash } from "node:crypto";
import * as fs from "node:fs";
import * as path from "node:path";
import { PROJECT_ROOT } from "../../catalog/paths";
import type { Config } from "../../config";
import type { LayerName } from "../../stacks/outputs";
import { run as realRun, RunError, type Run } from "../terminal/run-program";
import { Failure } from "../terminal/ui";
import { unreachable } from "../terminal/network-errors";

export const OUT_DIR = path.join(PROJECT_ROOT, "cdktf.out");

export interface Changes {
  readonly add: number;
  readonly change: number;
  readonly remove: number;
}
export interface Plan extends Changes {
  readonly isEmpty: boolean;
  /** One line per resource: the action and its name. */
  readonly lines: readonly string[];
}

/** A resource that `plan.bin` creates or changes, with its planned values. */
export interface PlannedResource {
  readonly address: string;
  readonly type: string;
  /** Attributes that are known before the apply; they contain no secrets. */
  readonly values: Readonly<Record<string, unknown>>;
  readonly isNew: boolean;
}

interface Message {
  readonly type: string;
  readonly "@message": string;
  readonly changes?: Changes & { operation: string };
  readonly change?: { resource: { addr: string }; action: string };
  readonly hook?: { resource: { addr: string }; action?: string };
  readonly diagnostic?: { severity: string; summary: string; detail: string; address?: string };
}

/** A resource address without its type and cdktf's hash: the construct's id in the code. */
export const shortAddress = (address: string): string =>
  address
    .replace(/^[a-z0-9_]+\./, "")
    .replace(/_[0-9A-F]{8}(?=$|\[)/, "")
    .replace(/\[0\]$/, "");

const LIMIT = { init: 300_000, plan: 300_000, apply: 1_800_000, output: 60_000 } as const;

/** A state stores an attribute whose type is dynamic, such as a manifest, together with its type. */
const withoutTypes = (attributes: Record<string, unknown>): Record<string, unknown> =>
  Object.fromEntries(
    Object.entries(attributes).map(([name, stored]) => {
      const isDynamic =
        typeof stored === "object" && stored !== null && Object.keys(stored).sort().join() === "type,value";
      return [name, isDynamic ? (stored as { value: unknown }).value : stored];
    }),
  );

export class Terraform {
  readonly dir: string;

  constructor(
    private readonly config: Config,
    readonly layer: LayerName,
    private readonly run: Run = realRun,
  ) {
    this.dir = path.join(OUT_DIR, "stacks", layer);
  }

  private get flags() {
    return ["-input=false", "-no-color"] as const;
  }

  /** Runs `terraform init`, unless providers and backend are unchanged since the last one. */
  async init(): Promise<void> {
    const stack = JSON.parse(fs.readFileSync(path.join(this.dir, "cdk.tf.json"), "utf8")) as { terraform: unknown };
    const mark = createHash("sha256")
      .update(JSON.stringify([stack.terraform, this.config.terraform]))
      .digest("hex");
    const markFile = path.join(this.dir, ".terraform", "iacproject-init");
    if (fs.existsSync(markFile) && fs.readFileSync(markFile, "utf8") === mark) return;
    // a lock file ignores provider mirrors (terraform-cdk#3622); versions are exact anyway
    fs.rmSync(path.join(this.dir, ".terraform.lock.hcl"), { force: true });
    await this.command(["init", ...this.flags, "-reconfigure"], LIMIT.init).catch((error: unknown) => {
      throw (error instanceof RunError && unreachable(`Layer ${this.layer}`, error.output)) || error;
    });
    fs.writeFileSync(markFile, mark);
  }

  /**
   * Plans into `plan.bin`; `lock: false` for a plan that will not be applied.
   */
  async plan(options: { destroy?: boolean; lock?: boolean; onProgress?: (text: string) => void } = {}): Promise<Plan> {
    const lines: string[] = [];
    let changes: Changes = { add: 0, change: 0, remove: 0 };
    const { code } = await this.stream(
      [
        "plan",
        "-json",
        "-input=false",
        "-detailed-exitcode",
        "-out=plan.bin",
        ...(options.destroy ? ["-destroy"] : []),
        ...this.lock(options.lock),
      ],
      LIMIT.plan,
      (m) => {
        if (m.type === "planned_change" && m.change)
          lines.push(`${m.change.action} ${shortAddress(m.change.resource.addr)}`);
        if (m.type === "change_summary" && m.changes) changes = m.changes;
        if (m.type === "refresh_start" && m.hook) options.onProgress?.(`reading ${shortAddress(m.hook.resource.addr)}`);
      },
      [2],
    );
    return { ...changes, isEmpty: code === 0, lines };
  }

  /** Applies `plan.bin`. */
  async apply(onProgress?: (text: string) => void): Promise<Changes> {
    let done: Changes = { add: 0, change: 0, remove: 0 };
    const open = new Set<string>();
    await this.stream(["apply", "-json", "-input=false", "-lock-timeout=30s", "plan.bin"], LIMIT.apply, (m) => {
      const name = m.hook ? shortAddress(m.hook.resource.addr) : "";
      if (m.type === "apply_start") open.add(name);
      if (m.type === "apply_complete" || m.type === "apply_errored") open.delete(name);
      if (m.type.startsWith("apply_") && open.size) onProgress?.([...open].join(", "));
      if (m.type === "change_summary" && m.changes) done = m.changes;
    });
    return done;
  }

  /** Resources that `plan.bin` creates or changes. */
  async planned(): Promise<PlannedResource[]> {
    const { stdout } = await this.command(["show", "-json", "-no-color", "plan.bin"], LIMIT.output);
    type Change = { actions: string[]; after: Record<string, unknown> | null };
    const plan = JSON.parse(stdout) as {
      resource_changes?: { address: string; type: string; mode: string; change: Change }[];
    };
    return (plan.resource_changes ?? []).flatMap(({ address, type, mode, change }) => {
      const isNew = change.actions.includes("create");
      const matters = mode === "managed" && change.after && (isNew || change.actions.includes("update"));
      return matters ? [{ address, type, values: change.after!, isNew }] : [];
    });
  }

  /** Imports an existing object into the state. */
  async import(address: string, id: string): Promise<void> {
    await this.command(["import", ...this.flags, ...this.lock(), address, id], LIMIT.plan);
  }

  /** The layer's outputs; empty if it was never deployed. */
  async outputs(): Promise<Readonly<Record<string, string>>> {
    const { stdout } = await this.command(["output", "-json", "-no-color"], LIMIT.output);
    const parsed = JSON.parse(stdout || "{}") as Record<string, { value: unknown }>;
    return Object.fromEntries(Object.entries(parsed).map(([k, v]) => [k, String(v.value)]));
  }

  /** Addresses of all resources in the state. */
  async resources(): Promise<string[]> {
    const { stdout } = await this.command(["state", "list"], LIMIT.output, [1]);
    return stdout.split("\n").filter((line) => line && !line.startsWith("data.") && !line.startsWith("No state"));
  }

  /** Attributes of all resources of one type in the state. */
  async stateOf(type: string): Promise<Record<string, unknown>[]> {
    // not `terraform show`, which starts every provider to read its schema
    const { stdout } = await this.command(["state", "pull"], LIMIT.output);
    const { resources = [] } = JSON.parse(stdout || "{}") as {
      resources?: { mode: string; type: string; instances: { attributes: Record<string, unknown> }[] }[];
    };
    return resources
      .filter((r) => r.mode === "managed" && r.type === type)
      .flatMap((r) => r.instances.map(({ attributes }) => withoutTypes(attributes)));
  }

  private lock(lock = true): string[] {
    return lock ? ["-lock-timeout=30s"] : ["-lock=false"];
  }

  private command(args: readonly string[], timeoutMs: number, accept: readonly number[] = []) {
    return this.run(this.config.terraform, args, { cwd: this.dir, timeoutMs, accept });
  }

  /** Runs a command with `-json`; a Failure reports its diagnostics. */
  private async stream(
    args: readonly string[],
    timeoutMs: number,
    onMessage: (m: Message) => void,
    accept: readonly number[] = [],
  ) {
    const errors: string[] = [];
    try {
      return await this.run(this.config.terraform, args, {
        cwd: this.dir,
        timeoutMs,
        accept,
        onLine: (line) => {
          if (!line.startsWith("{")) return;
          const message = JSON.parse(line) as Message;
          const d = message.diagnostic;
          if (d?.severity === "error") {
            const where = d.address ? `${shortAddress(d.address)}: ` : "";
            errors.push(`${where}${d.summary}${d.detail ? `\n${d.detail.trim()}` : ""}`);
          }
          onMessage(message);
        },
      });
    } catch (error) {
      if (!(error instanceof RunError) || !errors.length) throw error;
      const networkFailure = unreachable(`Layer ${this.layer}`, errors.join("\n"));
      if (networkFailure) throw networkFailure;
      const locked = errors.find((e) => e.includes("Error acquiring the state lock"));
      const exists = errors.some((e) => /already exists/.test(e));
      throw new Failure(
        `Layer ${this.layer}: ${errors.join("\n")}`,
        locked
          ? `Another run holds the lock on this state. Wait until it ends. If none is running, ${this.releaseLock()}.`
          : exists
            ? "The object is not in this state: it belongs to another deployment, perhaps from another folder. Deploy or remove it from that folder (state.dir is the folder with its states), or choose other names (namespaces)."
            : undefined,
      );
    }
  }

  /** How to release the lock of a run that no longer exists. */
  private releaseLock(): string {
    const { backend, bucket, prefix } = this.config.state;
    return backend === "s3"
      ? `delete s3://${bucket}/${prefix}/${this.layer}.tfstate.tflock`
      : "npm run doctor shows the holder and the command that releases the lock";
  }
}
