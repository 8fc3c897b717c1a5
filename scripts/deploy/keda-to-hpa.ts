/**
 * Switches `scaling.engine` from keda to hpa. Terraform would create the new autoscalers while KEDA's autoscalers with
 * the same names still exist, and would remove KEDA before its finalizers have run (keda#1470). So KEDA's objects are
 * deleted first, while its operator is running. Pod counts do not change.
 */
import { KEDA_OPERATOR_LABELS, KEDA_RELEASE } from "../../modules/autoscaling/keda";
import { scaledObjectRelease } from "../../modules/autoscaling/autoscaler";
import { PART_OF } from "../../catalog/names";
import { AUTOSCALED } from "../../catalog/workloads";
import { isReady, type Kube } from "../cluster/kubectl";
import { RunError } from "../terminal/run-program";
import { Failure } from "../terminal/ui";

/** Timeout for the deletion of KEDA's objects, in ms. */
const DELETION_MS = 60_000;

const ourObjects = (kube: Kube): string[] => [
  "-n",
  kube.config.namespaces.app,
  "-l",
  `app.kubernetes.io/part-of=${PART_OF}`,
];
const KIND = "scaledobjects.keda.sh";

/** Whether a KEDA operator is running; only the operator removes KEDA's finalizers. */
async function kedaRuns(kube: Kube): Promise<boolean> {
  const selector = Object.entries(KEDA_OPERATOR_LABELS)
    .map(([key, value]) => `${key}=${value}`)
    .join(",");
  return (await kube.list("pods", "-n", kube.config.namespaces.keda, "-l", selector)).some(isReady);
}

/**
 * Before a destroy: without a running KEDA operator, the finalizers on our ScaledObjects would block the deletion of
 * the release and the namespace forever. They protect nothing outside the cluster, so they are removed here.
 */
export async function freeScaledObjects(kube: Kube): Promise<number> {
  const blocked = (await kube.list(KIND, ...ourObjects(kube))).filter(
    (o) => ((o.metadata as { finalizers?: string[] }).finalizers ?? []).length > 0,
  );
  if (!blocked.length || (await kedaRuns(kube))) return 0;
  for (const { metadata } of blocked) {
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
  return blocked.length;
}

/** Removes the ScaledObjects of a deployment that now uses engine `hpa`; returns their number. */
export async function migrateToHpa(kube: Kube): Promise<number> {
  const { scaling, namespaces } = kube.config;
  if (scaling.engine !== "hpa") return 0;
  const releases = [
    ...["-n", namespaces.app],
    ...["-l", `owner=helm,name in (${AUTOSCALED.map(scaledObjectRelease).join(",")})`],
  ];
  const names = (await kube.list(KIND, ...ourObjects(kube))).map((o) => o.metadata.name);
  if (names.length) await removeScaledObjects(kube, names);
  // the data layer removes KEDA's CRD, and without the CRD Helm cannot uninstall these releases in the app layer; they
  // are empty now, so their records are deleted here
  const records = await kube.list("secrets", ...releases);
  if (records.length) await kube.raw(["delete", "secrets", ...releases]);
  return Math.max(names.length, records.length);
}

/** Deletes ScaledObjects while KEDA is running, and waits until their autoscalers are deleted too. */
async function removeScaledObjects(kube: Kube, names: readonly string[]): Promise<void> {
  const { namespaces } = kube.config;
  await freeScaledObjects(kube);
  try {
    await kube.raw(["delete", KIND, ...ourObjects(kube), `--timeout=${DELETION_MS / 1000}s`], {
      timeoutMs: DELETION_MS + 10_000,
    });
  } catch (error) {
    if (!(error instanceof RunError)) throw error;
    throw new Failure(
      `KEDA did not release ${names.join(", ")} within ${DELETION_MS / 1000} s: ${error.message}`,
      `Check that KEDA runs: kubectl -n ${namespaces.keda} get pods -l app.kubernetes.io/part-of=${KEDA_RELEASE}-operator. Then run npm run up again.`,
    );
  }
  // Kubernetes garbage-collects their autoscalers afterwards
  for (const end = Date.now() + DELETION_MS; ;) {
    const left = (await kube.list("hpa", "-n", namespaces.app)).filter((hpa) => names.includes(hpa.metadata.name));
    if (!left.length) return;
    if (Date.now() > end)
      throw new Failure(
        `The autoscalers that KEDA created still exist after ${DELETION_MS / 1000} s: ${left.map((h) => h.metadata.name).join(", ")}`,
        `Check their ownerReferences: kubectl -n ${namespaces.app} get hpa -o yaml. Then run npm run up again.`,
      );
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
}
