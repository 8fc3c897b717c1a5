/** The configurations that `npm run compare` synthesizes: every profile, durability and engine. */
import * as fs from "node:fs";
import * as path from "node:path";

export interface Variant {
  /** Such as `kind, ha, keda`. */
  readonly name: string;
  /** `IAC_…` variables that select it. */
  readonly env: Readonly<Record<string, string>>;
}

const DURABILITIES = ["fast", "safe", "ha"];
const ENGINES = ["hpa", "keda"];

/** @param root checkout from which the profiles are read, so that new profiles are included */
export function variants(root: string): Variant[] {
  const profiles = fs
    .readdirSync(path.join(root, "profiles"))
    .map((file) => path.basename(file, ".yaml"))
    .sort();
  return ["", ...profiles].flatMap((profile) =>
    DURABILITIES.flatMap((durability) =>
      ENGINES.map((engine) => ({
        name: [profile || "no profile", durability, engine].join(", "),
        env: {
          ...(profile ? { IAC_PROFILE: profile } : {}),
          IAC_REDIS_DURABILITY: durability,
          IAC_SCALING_ENGINE: engine,
        },
      })),
    ),
  );
}
