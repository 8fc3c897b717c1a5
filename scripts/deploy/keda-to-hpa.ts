/**
 * A change of `scaling.engine` from keda to hpa. Terraform would write the new autoscalers while
 * KEDA's of the same names are still going, and take KEDA away before its finalizers have run
 * (keda#1470): so its objects go first, while it lives. The pods stay as many as they are.
 */
import { KEDA_OPERATOR_LABELS, KEDA_RELEASE } from "../../modules/autoscaling/keda";
import { scaledObjectRelease } from "../../modules/autoscaling/autoscaler";
import { PART_OF } from "../../catalog/names";
import { AUTOSCALED } from "../../catalog/workloads";
import { isReady, type Kube } from "../cluster/kubectl";
import { RunError } from "../terminal/run-program";
import { Failure } from "../terminal/ui";

const GONE_MS = 60_000;

const ours = (kube: Kube): string[] => ["-n", kube.config.namespaces.app, "-l", `app.kubernetes.io/part-of=${PART_OF}`];
const KIND = "scaledobjects.keda.sh";

/** Whether somebody is there who acts on KEDA's finalizers. */
async function kedaRuns(kube: Kube): Promise<boolean> {
  const selector = Object.entries(KEDA_OPERATOR_LABELS)
    .map(([key, value]) => `${key}=${value}`)
    .join(",");
  return (await kube.list("pods", "-n", kube.config.namespaces.keda, "-l", selector)).some(isReady);
}

/**
 * Before a destroy: where KEDA's operator is dead or gone, nobody would ever take its finalizers off our objects, and
 * they would hold release and namespace for ever. Ours hold nothing outside the cluster, so they are let go here.
 */
export async function freeScaledObjects(kube: Kube): Promise<number> {
  const held = (await kube.list(KIND, ...ours(kube))).filter(
    (o) => ((o.metadata as { finalizers?: string[] }).finalizers ?? []).length > 0,
  );
  if (!held.length || (await kedaRuns(kube))) return 0;
  for (const { metadata } of held) {
    await kube.raw([
      "-n",
      kube.config.namespaces.app,
      "patch",
      KIND,
      metadata.name,
      "--type=merge",
      "-p",
      '{"metadata":{"finalizers":null}}',
    ]);
  }
  return held.length;
}

/** Removes the ScaledObjects of a deployment that engine `hpa` is to take over; how many there were. */
export async function migrateToHpa(kube: Kube): Promise<number> {
  const { scaling, namespaces } = kube.config;
  if (scaling.engine !== "hpa") return 0;
  const releases = [
    ...["-n", namespaces.app],
    ...["-l", `owner=helm,name in (${AUTOSCALED.map(scaledObjectRelease).join(",")})`],
  ];
  const names = (await kube.list(KIND, ...ours(kube))).map((o) => o.metadata.name);
  if (names.length) await removeScaledObjects(kube, names);
  // layer data takes the CRD along, without which Helm could not uninstall what layer app has of it: nothing is left
  // in these releases, so they are forgotten here
  const left = await kube.list("secrets", ...releases);
  if (left.length) await kube.raw(["delete", "secrets", ...releases]);
  return Math.max(names.length, left.length);
}

/** Deletes them while KEDA lives, and waits until the autoscalers that it made are gone too. */
async function removeScaledObjects(kube: Kube, names: readonly string[]): Promise<void> {
  const { namespaces } = kube.config;
  await freeScaledObjects(kube);
  try {
    await kube.raw(["delete", KIND, ...ours(kube), `--timeout=${GONE_MS / 1000}s`], {
      timeoutMs: GONE_MS + 10_000,
    });
  } catch (error) {
    if (!(error instanceof RunError)) throw error;
    throw new Failure(
      `KEDA did not let go of ${names.join(", ")} within ${GONE_MS / 1000} s: ${error.message}`,
      `See whether it runs: kubectl -n ${namespaces.keda} get pods -l app.kubernetes.io/part-of=${KEDA_RELEASE}-operator; then run it again.`,
    );
  }
  // their autoscalers are collected after them
  for (const end = Date.now() + GONE_MS; ;) {
    const left = (await kube.list("hpa", "-n", namespaces.app)).filter((hpa) => names.includes(hpa.metadata.name));
    if (!left.length) return;
    if (Date.now() > end)
      throw new Failure(
        `The autoscalers that KEDA made are still there after ${GONE_MS / 1000} s: ${left.map((h) => h.metadata.name).join(", ")}`,
        `Look at their ownerReferences: kubectl -n ${namespaces.app} get hpa -o yaml; then run it again.`,
      );
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
}
