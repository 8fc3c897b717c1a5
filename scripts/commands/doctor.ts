/** `npm run doctor`: checks every prerequisite and shows how to fix what is missing. Changes nothing. */
import { ConfigError, loadConfig, type Config } from "../../config";
import { fetchOutside, fetchProblem } from "../../config/proxy";
import { proxyVariables } from "../../config/sources";
import { chartSource } from "../../modules/kubernetes/helm-chart";
import { thirdPartyImage } from "../../modules/images/third-party-image";
import { CHARTS, IMAGES, type ChartName } from "../../catalog/versions";
import { resolveImages } from "../../modules/images/resolve";
import { hasCluster } from "../cluster/choose-cluster";
import { KIND_URL, WITHOUT_CLUSTER } from "../cluster/kind";
import { Kube } from "../cluster/kubectl";
import {
  checkDocker,
  checkKeda,
  checkKubectl,
  checkMetricsServer,
  checkPlatform,
  checkTerraform,
  checkTlsSecret,
} from "../deploy/preflight";
import { checkDns, checkQuota } from "../deploy/cluster-checks";
import { checkMonitoring } from "../deploy/other-monitoring";
import { checkPermissions, permissionsFor } from "../deploy/permissions";
import { checkApis } from "../deploy/terminating";
import { checkAutopilot, isAutopilot } from "../doctor/autopilot";
import { checkExistingPrometheus } from "../doctor/existing-prometheus";
import { checkIngressClass } from "../doctor/ingress-class";
import { checkLimitRanges } from "../doctor/limit-ranges";
import { checkOwners } from "../doctor/namespace-owner";
import { checkNetworkPlugin } from "../doctor/network-plugin";
import { checkNodes } from "../doctor/nodes";
import { checkOneCluster, type WithProviders } from "../doctor/one-cluster";
import { checkProxy } from "../doctor/proxy";
import { checkPullSecrets, checkPushLogin } from "../doctor/registry-access";
import { checkStorage } from "../doctor/storage";
import { run, RunError } from "../terminal/run-program";
import { stateLocks, unlockCommand } from "../terraform/state-locks";
import { readStacks, synth } from "../terraform/synth";
import { checkRedisSizes } from "../deploy/redis-sizes";
import { planVolumes } from "../deploy/volumes";
import { bold, dim, Failure, green, red, say, yellow } from "../terminal/ui";

interface Finding {
  readonly what: string;
  readonly found: string;
}

/** Width of the first column. The longest name is that of a chart. */
const WIDTH = 27;

export async function doctor(): Promise<number> {
  let bad = 0;
  const ok = (f: Finding) => say(`${green("✓")} ${f.what.padEnd(WIDTH)} ${f.found}`);
  const problem = (what: string, error: unknown, needed = true) => {
    if (needed) bad++;
    say(`${needed ? red("✗") : yellow("–")} ${what.padEnd(WIDTH)} ${(error as Error).message}`);
    const next = error instanceof Failure ? error.next : undefined;
    if (next) say(dim(`  ${" ".repeat(WIDTH)} ${next}`));
  };
  const check = async (what: string, look: () => Promise<string> | string, needed = true): Promise<boolean> => {
    try {
      ok({ what, found: await look() });
      return true;
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      problem(what, error, needed);
      return false;
    }
  };

  ok({ what: "Node.js", found: process.versions.node });
  let config: Config;
  try {
    config = loadConfig();
    ok({ what: "configuration", found: "accepted" });
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    problem("configuration", error);
    return 1;
  }
  await check(config.terraform, () => checkTerraform(config));
  await check("kubectl", () => checkKubectl());
  await check(
    "helm",
    async () =>
      (
        await run("helm", ["version", "--short"], { timeoutMs: 20_000 }).catch(() => {
          throw new Failure("not installed (optional; `npm run manifests` and one test use it)");
        })
      ).stdout,
    false,
  );

  const images = await resolveImages(config).catch((error: unknown) => {
    problem("images", error);
    return undefined;
  });
  const built = Object.entries(images ?? {}).flatMap(([name, image]) =>
    image.kind === "built" ? [{ name, ...image }] : [],
  );
  for (const { name, repository, tag, inRegistry } of built) {
    await check(`image ${name}`, () => {
      if (inRegistry.state === "unreachable")
        throw new Failure(`registry: ${inRegistry.reason}`, "Start it, or correct registry.push and registry.auth.");
      return `${repository}:${tag} ${inRegistry.state === "held" ? "is in the registry" : "will be built"}`;
    });
  }
  const mustBuild = built.some((image) => image.inRegistry.state !== "held");
  await check("Docker", () => checkDocker(config), mustBuild);
  if (mustBuild) await check("login to push", () => checkPushLogin(config));

  const ownKeda = config.scaling.engine === "keda" && config.keda.mode === "install";
  for (const name of Object.keys(CHARTS) as ChartName[]) {
    if (name === "metricsServer" && config.metricsServer.mode === "existing") continue;
    if (name === "keda" && !ownKeda) continue;
    if (name === "kubePrometheusStack" && config.observability !== "install") continue;
    await check(`chart ${CHARTS[name].name}`, () => chart(config, name));
  }

  // the nodes pull these images, so this machine cannot check whether they are reachable
  const hosts = [
    ...(Object.keys(IMAGES) as (keyof typeof IMAGES)[]).map((name) => thirdPartyImage(config, name).split("/")[0]!),
    // registries of the charts' images, unless a mirror replaces them
    ...(config.images.mirror === undefined
      ? [
          ...(config.metricsServer.mode === "install" ? ["registry.k8s.io"] : []),
          ...(config.observability === "install" ? ["quay.io", "registry.k8s.io", "docker.io"] : []),
          ...(ownKeda ? ["ghcr.io"] : []),
        ]
      : [config.images.mirror.split("/")[0]!]),
    config.registry.pull.split("/")[0]!,
  ];
  ok({ what: "nodes pull from", found: [...new Set(hosts)].join(", ") });

  const isChosen = await hasCluster(config);
  const variables = proxyVariables();
  if (variables.http || variables.https) {
    const server = isChosen ? /https:\S+$/.exec(await new Kube(config).describe())?.[0] : undefined;
    await check("proxy", () => checkProxy(config, { variables, server, mustBuild }), false);
  }
  if (!isChosen) {
    await check(
      "cluster",
      () => {
        throw new Failure(
          "none is configured; `npm run up` offers to create a local kind cluster",
          "To use an existing one, set cluster.context in config.yaml or KUBECONFIG.",
        );
      },
      false,
    );
    await check("kind", async () => {
      try {
        return (await run("kind", ["version"], { timeoutMs: 20_000 })).stdout.trim();
      } catch (error) {
        if (!(error instanceof RunError)) throw error;
        throw new Failure(
          "not installed; needed to create a local cluster",
          `Install it: ${KIND_URL}. ${WITHOUT_CLUSTER}`,
        );
      }
    });
  } else {
    const kube = new Kube(config);
    const reached = await check("cluster", async () => `${await kube.describe()}, Kubernetes ${await kube.ping()}`);
    if (reached) {
      await check("permissions", async () => {
        await synth(config, { tolerant: true });
        return checkPermissions(kube, permissionsFor(readStacks()));
      });
      await check("one cluster", () => checkOneCluster(config, readStacks() as Record<string, WithProviders>));
      await check("nodes", () => checkNodes(config, kube));
      await check("GKE Autopilot", async () => ((await isAutopilot(kube)) ? checkAutopilot(config) : "no"));
      if (built.length) await check("platform", () => checkPlatform(config, kube), mustBuild);
      await check("namespaces", () => checkOwners(config, kube));
      if (config.images.pullSecrets.length) await check("pull Secrets", () => checkPullSecrets(config, kube));
      await check("quota", () => checkQuota(config, kube));
      await check("LimitRanges", () => checkLimitRanges(config, kube));
      await check("DNS", () => checkDns(config, kube));
      await check("network plugin", () => checkNetworkPlugin(config, kube), false);
      await check("metrics-server", async () => {
        await checkMetricsServer(config, kube);
        return config.metricsServer.mode === "install" ? "managed by this project" : "the cluster's own";
      });
      await check("APIs of other servers", async () => checkApis(kube), false);
      await check("other monitoring", () => checkMonitoring(config, kube));
      if (config.observability === "existing")
        await check("existing Prometheus", () => checkExistingPrometheus(config, kube));
      if (config.exposure.type === "Ingress") await check("Ingress", () => checkIngressClass(config, kube));
      if (config.scaling.engine === "keda") {
        await check("KEDA", async () => {
          await checkKeda(config, kube);
          return config.keda.mode === "install" ? "managed by this project" : "the cluster's own";
        });
      }
      if (config.redis.tls.secret !== null) {
        await check("TLS of Redis", async () => (await checkTlsSecret(config, kube))!);
      }
      if (config.state.backend === "kubernetes") {
        await check("state", async () => {
          const [lock, ...others] = await stateLocks(kube);
          if (!lock) return `in namespace ${config.state.namespace}, not locked`;
          const more = others.length ? ` (and ${others.map((l) => l.layer).join(", ")})` : "";
          throw new Failure(
            `layer ${lock.layer}${more} is ${lock.text}`,
            `Wait until that run ends. If it was killed, release the lock: ${unlockCommand(config.terraform, lock)}`,
          );
        });
      }
      await check("storage", () => checkStorage(config, kube));
      await check("sizes", async () => {
        const { mainVolume } = await planVolumes(kube, { trial: false });
        return checkRedisSizes(config.redis, mainVolume).join("; ") || "fit redis.maxMemory";
      });
    }
  }
  say();
  say(
    bad
      ? `${bold(`${bad} ${bad === 1 ? "problem" : "problems"}`)} to fix.`
      : bold("No problems found. Deploy: npm run up"),
  );
  return bad ? 1 : 0;
}

/** The source of a chart: an archive, or a repository that responds. */
async function chart(config: Config, name: ChartName): Promise<string> {
  const source = chartSource(config, name);
  if (!source.repository) return source.chart;
  const { repository } = source;
  const index = `${repository.replace(/\/$/, "")}/index.yaml`;
  const answer = await fetchOutside(index, {
    method: "HEAD",
    signal: AbortSignal.timeout(10_000),
  }).catch((error: unknown) => {
    throw new Failure(
      `${new URL(repository).host} cannot be reached (${fetchProblem(error, index)})`,
      "Behind a proxy, set HTTPS_PROXY. Without internet access, put the chart archives in a folder and set charts.dir (docs/air-gapped.md).",
    );
  });
  if (!answer.ok) throw new Failure(`${repository} answered ${answer.status}`);
  return `${source.version} from ${repository}`;
}
