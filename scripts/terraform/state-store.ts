/** Where a layer's state is kept: read and written whole, by Terraform itself, without a provider. */
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

/** What tells one state from another. */
export interface State {
  /** The same for all that one state has ever been. */
  readonly lineage: string;
  /** One more with each write. */
  readonly serial: number;
  readonly resources: readonly unknown[];
}

/** A state as a line says it. */
export const sizeOf = (state: State | undefined): string =>
  state ? `${state.resources.length} resources, version ${state.serial}` : "nothing";

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

  /** As it was written; undefined where there is none. */
  async text(): Promise<string | undefined> {
    const text = await this.terraform("state", "pull");
    return text.trim() ? text : undefined;
  }

  async read(): Promise<State | undefined> {
    const text = await this.text();
    return text === undefined ? undefined : (JSON.parse(text) as State);
  }

  /** Writes it, under a lock; Terraform refuses to write over another lineage or a newer version. */
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

/** Uses the stores of all layers under one configuration, in folders that are gone afterwards. */
export async function withStores<T>(
  config: Config,
  images: ResolvedImages,
  use: (stores: Readonly<Record<LayerName, StateStore>>) => Promise<T>,
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
      return new StateStore(config.terraform, folder);
    };
    return await use(Object.fromEntries(LAYERS.map((l) => [l, store(l)])) as Record<LayerName, StateStore>);
  } finally {
    fs.rmSync(dir, { recursive: true });
  }
}

export type Moved = "moved" | "there already" | "nothing to move";

/**
 * Copies one layer's state, and reads it back. What is at `from` stays.
 *
 * @throws Failure where `to` holds another state, or what was read back differs
 */
export async function moveState(layer: string, from: StateStore, to: StateStore): Promise<Moved> {
  const text = await from.text();
  const source = text === undefined ? undefined : (JSON.parse(text) as State);
  if (text === undefined || !source?.resources.length) return "nothing to move";
  const there = await to.read();
  if (there?.lineage === source.lineage && there.serial >= source.serial) return "there already";
  // of the same lineage it is an older version of this one
  if (there?.resources.length && there.lineage !== source.lineage) {
    throw new Failure(
      `Layer ${layer}: there is another state already, with ${sizeOf(there)}; nothing was changed for this layer.`,
      "Look which of the two is the one in use: npm run state, with each backend.",
    );
  }
  await to.write(text);
  const now = await to.read();
  if (now?.lineage !== source.lineage || now.resources.length !== source.resources.length) {
    throw new Failure(`Layer ${layer}: what was read back differs (${sizeOf(now)}); the state before is where it was.`);
  }
  return "moved";
}
