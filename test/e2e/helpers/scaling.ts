/** What tests of autoscaling observe: replica counts while something happens, and responses to a load. */
import type { LoadResult } from "./load";
import { app, kube } from "./system";

/** The items of the API's own Service, without the front. */
export const NODE = `http://node.${app}.svc:3000/item`;

/** The lowest desired replica count of each workload while `during` ran. */
export async function lowestCounts(during: () => Promise<void>): Promise<Record<string, number>> {
  const seen: Record<string, number> = {};
  let on = true;
  const watch = (async () => {
    while (on) {
      for (const w of await kube.list("deployments,statefulsets", "-n", app).catch(() => [])) {
        const { name } = w.metadata;
        seen[name] = Math.min(seen[name] ?? Infinity, w.spec.replicas as number);
      }
      await new Promise((resolve) => setTimeout(resolve, 1000));
    }
  })();
  try {
    await during();
  } finally {
    on = false;
    await watch;
  }
  return seen;
}

/** Every request was answered with 404, because all keys are absent: no failure and no 503. */
export function expectAllAnswered({ sent, seen, failures }: LoadResult): void {
  console.log(`load: ${sent} requests, answers ${JSON.stringify(seen)}`, failures);
  expect(seen).toEqual({ 404: sent });
}
