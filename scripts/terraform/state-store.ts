/** Reads and writes whole states with Terraform, without a provider. */
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import type { Config } from "../../config";
import { buildApp } from "../../stacks";
import type { ResolvedImages } from "../../modules/images/resolve";
import { LAYERS, type LayerName } from "../../stacks/outputs";
import { run as realRun, type Run } from "../terminal/run-program";
import { Failure } from "../terminal/ui";

const LIMIT_MS = 120_000;

/** The fields that identify a state. */
export interface State {
  /** Identifies a state; it is the same in all versions of that state. */
  readonly lineage: string;
  /** Increases with each write. */
  readonly serial: number;
  readonly resources: readonly unknown[];
}

/** A state's size and version, for output. */
export const sizeOf = (state: State | undefined): string =>
  state ? `${state.resources.length} resources, version ${state.serial}` : "empty";

export class StateStore {
  private ready = false;

  constructor(
    private readonly program: string,
    private readonly dir: string,
    private readonly run: Run = realRun,
  ) {}

  private async terraform(...args: string[]): Promise<string> {
    if (!this.ready) {
      await this.run(this.program, ["init", "-input=false", "-no-color"], { cwd: this.dir, timeoutMs: LIMIT_MS });
      this.ready = true;
    }
    return (await this.run(this.program, args, { cwd: this.dir, timeoutMs: LIMIT_MS })).stdout;
  }

  /** The state's text; undefined if there is none. */
  async text(): Promise<string | undefined> {
    const text = await this.terraform("state", "pull");
    return text.trim() ? text : undefined;
  }

  async read(): Promise<State | undefined> {
    const text = await this.text();
    return text === undefined ? undefined : (JSON.parse(text) as State);
  }

  /** Writes a state, under a lock; Terraform refuses to overwrite another lineage or a newer version. */
  async write(text: string): Promise<void> {
    const file = path.join(this.dir, "moved.tfstate");
    fs.writeFileSync(file, text, { mode: 0o600 });
    try {
      await this.terraform("state", "push", "-lock-timeout=30s", file);
    } finally {
      fs.rmSync(file);
    }
  }
}

/** Opens the stores of all layers of a configuration, in temporary folders. */
export async function withStores<T>(
  config: Config,
  images: ResolvedImages,
  use: (stores: Readonly<Record<LayerName, StateStore>>) => Promise<T>,
  run: Run = realRun,
): Promise<T> {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), "iacproject-state-"));
  try {
    buildApp(config, images, { outdir: path.join(dir, "out") }).synth();
    const store = (layer: LayerName) => {
      const stack = JSON.parse(fs.readFileSync(path.join(dir, "out", "stacks", layer, "cdk.tf.json"), "utf8")) as {
        terraform: { backend: object };
      };
      const folder = path.join(dir, layer);
      fs.mkdirSync(folder);
      const only = { terraform: { backend: stack.terraform.backend } };
      fs.writeFileSync(path.join(folder, "main.tf.json"), JSON.stringify(only));
      return new StateStore(config.terraform, folder, run);
    };
    return await use(Object.fromEntries(LAYERS.map((l) => [l, store(l)])) as Record<LayerName, StateStore>);
  } finally {
    fs.rmSync(dir, { recursive: true });
  }
}

export type Moved = "moved" | "already there" | "nothing to move";

/**
 * Copies one layer's state, and reads it back to verify it. `from` keeps its copy.
 *
 * @throws Failure if `to` holds another state, or if the copy differs
 */
export async function moveState(layer: string, from: StateStore, to: StateStore): Promise<Moved> {
  const text = await from.text();
  const source = text === undefined ? undefined : (JSON.parse(text) as State);
  if (text === undefined || !source?.resources.length) return "nothing to move";
  const existing = await to.read();
  if (existing?.lineage === source.lineage && existing.serial >= source.serial) return "already there";
  // with the same lineage, it is an older version and can be overwritten
  if (existing?.resources.length && existing.lineage !== source.lineage) {
    throw new Failure(
      `Layer ${layer}: the new backend already holds another state, with ${sizeOf(existing)}; this layer was not changed.`,
      "Find out which of the two is in use by running npm run state with each backend.",
    );
  }
  await to.write(text);
  const copy = await to.read();
  if (copy?.lineage !== source.lineage || copy.resources.length !== source.resources.length) {
    throw new Failure(
      `Layer ${layer}: the copy differs from the original (${sizeOf(copy)}). The original state is unchanged.`,
      "Check the new backend, then run the command again.",
    );
  }
  return "moved";
}
