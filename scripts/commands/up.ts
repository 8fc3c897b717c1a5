/** `npm run up`: deploys everything and verifies that it works. */
import { GRAFANA_SECRET, STACK_RELEASE } from "../../catalog/names";
import { loadConfig, type Config } from "../../config";
import type { ResolvedImages } from "../../modules/images/resolve";
import { chooseCluster, hasCluster } from "../cluster/choose-cluster";
import type { Kube } from "../cluster/kubectl";
import { adopt } from "../deploy/adopt";
import { otherSettings } from "../deploy/adoption-checks";
import { migrateToHpa } from "../deploy/keda-to-hpa";
import { forwarded } from "../cluster/port-forward";
import { contextName, createKind, WITHOUT_CLUSTER } from "../cluster/kind";
import { deployLayers } from "../deploy/layers";
import { leaveGroup } from "../redis/leave-group";
import { isKindConfig, writeKindConfig } from "../cluster/kind-config";
import {
  checkDocker,
  checkKeda,
  checkKubectl,
  checkMetricsServer,
  checkNamespaces,
  checkPlatform,
  checkTerraform,
  checkTlsSecret,
  toBuild,
} from "../deploy/preflight";
import { checkSystemIsKnown } from "../deploy/unknown-deployment";
import { readRecord, reportUnwritten, writeRecord } from "../deploy/deployment-record";
import { ourNamespaces, waitReady } from "../deploy/readiness";
import { TroubleReport, whileReporting } from "../deploy/trouble";
import { markOurCrds } from "../deploy/leftovers";
import { smokeTest } from "../deploy/smoke-test";
import { checkStorage, finishGrowth, growVolumes } from "../deploy/storage";
import { checkStateIsHere } from "../terraform/backend-change";
import { recordCluster } from "../terraform/state-cluster";
import { checkNewMonitoring } from "../deploy/other-monitoring";
import { checkPermissions, permissionsFor } from "../deploy/permissions";
import { readStacks, synth } from "../terraform/synth";
import { Terraform } from "../terraform/terraform";
import { isInstalled, type ToolName } from "../toolbox/downloads";
import { offerTools } from "./tools";
import {
  announce,
  bold,
  confirm,
  dim,
  Failure,
  inStep,
  isInteractive,
  say,
  seconds,
  table,
  yellow,
} from "../terminal/ui";
import { showChanges } from "./diff";
import { frontTarget } from "./smoke";

/** Time allowed for all workloads to become Ready after the deployment, in ms. */
const READY_MS = 300_000;

export interface UpOptions {
  readonly yes: boolean;
  /** Take over a running system whose states are lost. */
  readonly adopt: boolean;
}

export async function up(options: UpOptions): Promise<void> {
  const begin = Date.now();
  let config = loadConfig();
  await checkTools(config, options.yes);
  if (!(await hasCluster(config))) config = await createKindCluster(config, options.yes);
  const kube = await chooseCluster(config, { action: "Deploy to", yes: options.yes });
  await checkStateIsHere(kube);
  if (!options.adopt) await checkSystemIsKnown(kube);
  await checkNamespaces(config, kube);
  await checkMetricsServer(config, kube);
  await checkKeda(config, kube);
  if (!options.adopt) await checkNewMonitoring(config, kube);
  const certificate = await checkTlsSecret(config, kube);
  if (certificate) say(`TLS: ${certificate}`);
  const volumes = await checkStorage(kube);

  let images!: ResolvedImages;
  await inStep("prepare", async (step) => {
    step.doing("hashing the image contexts, querying the registry, synthesizing");
    images = await synth(config);
    if (!options.adopt) await checkSystemIsKnown(kube, new Terraform(config, "data"));
    step.doing("checking this user's permissions");
    await checkPermissions(kube, permissionsFor(readStacks()));
    const build = toBuild(images);
    if (build.length) {
      await checkDocker(config);
      await checkPlatform(config, kube);
    }
    return build.length ? `to build: ${build.join(", ")}` : "nothing to build";
  });

  await recordCluster(kube);
  if (options.adopt) await adoptAndAsk(kube, images, options.yes);
  const removed = await migrateToHpa(kube);
  if (removed) say(`  switching from engine keda to hpa: ${removed} KEDA objects removed, pod counts unchanged`);
  await growVolumes(kube, volumes);
  if (await leaveGroup(kube, (text) => say(`  ${text}`)))
    say("  redis.durability changes from ha: redis-main-1 and redis-main-2 have ended");
  const troubles = new TroubleReport(kube, ourNamespaces(config), (text) => announce(yellow(`! ${text}`)));
  await whileReporting(troubles, () => deployLayers(kube, images));
  // written before anything that may still fail, because an adoption relies on it
  reportUnwritten(await writeRecord(kube, readStacks()));
  if (config.observability === "install") await markOurCrds(kube, new Terraform(config, "observability"));

  await inStep("ready", async (step) => {
    const onProgress = (text: string) => step.doing(`waiting for ${text}`);
    return `${await whileReporting(troubles, () => waitReady(kube, { timeoutMs: READY_MS, onProgress }))} workloads`;
  });
  await finishGrowth(kube, volumes);
  await inStep("smoke test", async (step) => {
    let steps = 0;
    const onStep = ({ what }: { what: string }) => {
      steps++;
      step.doing(what);
    };
    await forwarded(kube, frontTarget(config), (address) => smokeTest(address, onStep));
    return `${steps} steps`;
  });

  say();
  say(accessInstructions(config));
  say();
  say(
    `${bold("Up")} after ${seconds(Date.now() - begin)}. Watch it: npm run status -- --watch. Remove everything: npm run down`,
  );
}

/** Adopts the system, shows where it differs from this configuration, and asks before it deploys the changes. */
async function adoptAndAsk(kube: Kube, images: ResolvedImages, yes: boolean): Promise<void> {
  const before = await readRecord(kube);
  await adopt(kube, images, yes ? {} : { command: "up" });
  if (!(await showChanges(kube, images, { verbose: false }))) return;
  const settings = otherSettings(kube, before);
  say(
    yellow(
      `! The system differs from this configuration${settings.length ? ` (${settings.join(", ")})` : ""}: up changes what is listed above.`,
    ),
  );
  if (!yes && !(await confirm("Deploy these changes?")))
    throw new Failure(
      "The system has been adopted, and nothing in the cluster was changed.",
      "To show the changes: npm run diff. To deploy them: npm run up",
    );
}

/** Checks the programs that every deployment needs. If no cluster is configured, errors mention `npm run dev`. */
async function checkTools(config: Config, yes: boolean): Promise<void> {
  const missing: ToolName[] = [];
  for (const name of [config.terraform, "kubectl"] as const) if (!(await isInstalled(name))) missing.push(name);
  // without a terminal, the checks below report what is missing
  if (missing.length && (yes || isInteractive())) await offerTools(missing, yes);
  try {
    await checkTerraform(config);
    await checkKubectl();
  } catch (error) {
    if (!(error instanceof Failure) || config.clusterIsNamed) throw error;
    throw new Failure(error.message, [error.next, WITHOUT_CLUSTER].filter(Boolean).join(". "), error.exitCode);
  }
}

/** Creates a local kind cluster if the user agrees. */
async function createKindCluster(config: Config, yes: boolean): Promise<Config> {
  const question = `No cluster is configured. Create a local kind cluster "${config.cluster.kind.name}" with a registry on port ${config.cluster.kind.registryPort}?`;
  if (!yes && !isInteractive()) {
    throw new Failure(
      "No cluster is configured.",
      `Set cluster.context in config.yaml or KUBECONFIG, or create a local kind cluster with \`npm run up -- --yes\`. ${WITHOUT_CLUSTER}`,
    );
  }
  if (!yes && !(await confirm(question))) throw new Failure("Nothing was changed.");
  await checkDocker(config);
  await inStep("kind cluster", async (step) => {
    await createKind(config, (text) => step.doing(text));
    return contextName(config);
  });
  const toAdd = writeKindConfig(config);
  if (toAdd)
    throw new Failure(
      `The kind cluster is ready, but your config.yaml does not name it.`,
      `Add this to config.yaml, then run npm run up again:\n${toAdd}`,
    );
  return loadConfig();
}

/** A table of what was deployed and how to open it. */
export function accessInstructions(config: Config): string {
  const { app, monitoring } = config.namespaces;
  // ports of this machine on which our kind cluster listens
  const kind = isKindConfig() ? config.cluster.kind : undefined;
  const page: Record<Config["exposure"]["type"], string> = {
    ClusterIP: `kubectl -n ${app} port-forward svc/react 8080:8080, then http://localhost:8080`,
    NodePort: kind?.pagePort
      ? `http://localhost:${kind.pagePort}`
      : `http://<any node>:${config.exposure.nodePort ?? `$(kubectl -n ${app} get svc react -o jsonpath='{.spec.ports[0].nodePort}')`}`,
    LoadBalancer: `kubectl -n ${app} get svc react  (EXTERNAL-IP, port 8080)`,
    Ingress: `${config.exposure.tlsSecret ? "https" : "http"}://${config.exposure.host ?? ""}`,
  };
  const rows = [
    [dim("what"), dim("how to open it")],
    ["page", page[config.exposure.type]],
    ["API", "under /api of the page"],
  ];
  if (config.observability === "install") {
    const forward = (service: string, ports: string) =>
      `kubectl -n ${monitoring} port-forward svc/${STACK_RELEASE}-${service} ${ports}`;
    const { grafanaNodePort } = config.monitoring;
    const grafana = grafanaNodePort
      ? `http://${kind?.grafanaPort ? `localhost:${kind.grafanaPort}` : `<any node>:${grafanaNodePort}`}`
      : `${forward("grafana", "3000:80")}, then http://localhost:3000`;
    rows.push(
      ["Grafana", `${grafana}, user admin`],
      [
        "  password",
        `kubectl -n ${monitoring} get secret ${GRAFANA_SECRET} -o jsonpath='{.data.admin-password}' | base64 -d`,
      ],
      ["Prometheus", forward("prometheus", "9090:9090")],
      ["Alertmanager", forward("alertmanager", "9093:9093")],
    );
  }
  return table(rows);
}
