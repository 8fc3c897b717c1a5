/**
 * Detects a system whose states this checkout does not have, because it is a second clone or the states are lost.
 * Without those states, Terraform would try to create objects that already exist, and would not delete those that it
 * should. Therefore, a command stops before it changes anything.
 */
import { PART_OF } from "../../catalog/names";
import { isOurs, PART_LABEL } from "../cluster/kube-object";
import type { Kube } from "../cluster/kubectl";
import { hasState } from "../terraform/backend-change";
import type { Terraform } from "../terraform/terraform";
import { Failure } from "../terminal/ui";
import { origin, readRecord, type DeploymentRecord } from "./deployment-record";
import { wasInterrupted } from "./interrupted-run";

/** Whether the configured namespace contains a system of this project. */
async function systemExists(kube: Kube): Promise<boolean> {
  const { app, create } = kube.config.namespaces;
  if (!create) {
    const ours = ["-n", app, "-l", `${PART_LABEL}=${PART_OF}`];
    return (await kube.visible("deployments,statefulsets", ...ours)).length > 0;
  }
  const [namespace] = await kube.visible("namespace", app);
  // a namespace that is being deleted belongs to an earlier `down`
  return namespace !== undefined && !namespace.metadata.deletionTimestamp && isOurs(namespace);
}

/** How to continue with the system. */
function nextStep(kube: Kube, record: Partial<DeploymentRecord> | undefined): string {
  const use = record?.settings
    ? `Use its states: ${record.settings}.`
    : `Run the commands in the checkout that has its states, or copy the states to ${kube.config.state.dir} of this one.`;
  return [
    use,
    "To deploy another system next to it, set namespaces.app, namespaces.monitoring and state.prefix (local: state.dir) to different names.",
    "If its states are lost: npm run up -- --adopt takes it over, npm run down -- --adopt removes it.",
  ].join("\n");
}

/**
 * A command calls this twice: immediately, and again with layer `data` after the synthesis, because only Terraform can
 * read a state in S3.
 *
 * @throws Failure that names the system's origin, if the system exists but is not in the states of this checkout
 */
export async function checkSystemIsKnown(kube: Kube, data?: Terraform): Promise<void> {
  const needsTerraform = kube.config.state.backend === "s3";
  // the next run adopts what an interrupted run created
  if (needsTerraform !== (data !== undefined) || wasInterrupted(kube, "data")) return;
  if ((data ? await knows(data) : await hasState(kube)) || !(await systemExists(kube))) return;
  const record = await readRecord(kube);
  throw new Failure(
    `Namespace ${kube.config.namespaces.app} contains a system that is not in the states of this checkout. ${origin(record)} Nothing was changed.`,
    nextStep(kube, record),
  );
}

async function knows(data: Terraform): Promise<boolean> {
  await data.init();
  return (await data.resources()).length > 0;
}
