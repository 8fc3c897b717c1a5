/** The reaction report: table and figures for docs/benchmarks.md. */
import { publish } from "../lib";
import type { Reaction } from "../reaction";

export function publishReaction(data: Reaction): void {
  publish("reaction", "", data);
}
