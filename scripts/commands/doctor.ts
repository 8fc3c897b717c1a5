/** `npm run doctor`: every prerequisite, found or missing, and what mends it. Changes nothing. */
import { ConfigError, loadConfig, type Config } from "../../config";
import { chartSource } from "../../modules/kubernetes/helm-chart";
import { GROUP_SIZE } from "../../catalog/workloads";
import { thirdPartyImage } from "../../modules/images/third-party-image";
import { CHARTS, IMAGES, type ChartName } from "../../catalog/versions";
import { resolveImages } from "../../modules/images/resolve";
import { hasCluster } from "../cluster/choose-cluster";
import { KIND_URL, WITHOUT_CLUSTER } from "../cluster/kind";
import { isReady, Kube } from "../cluster/kubectl";
import {
  checkDocker,
  checkKeda,
  checkKubectl,
  checkMetricsServer,
  checkNamespaces,
  checkPlatform,
  checkTerraform,
  checkTlsSecret,
} from "../deploy/preflight";
import { checkPermissions, permissionsFor } from "../deploy/permissions";
import { run, RunError } from "../terminal/run-program";
import { stateLocks, unlockCommand } from "../terraform/state-locks";
import { readStacks, synth } from "../terraform/synth";
import { bold, dim, Failure, green, red, say, yellow } from "../terminal/ui";

interface Finding {
  readonly what: string;
  readonly found: string;
}

export async function doctor(): Promise<number> {
  let bad = 0;
  const ok = (f: Finding) => say(`${green("✓")} ${f.what.padEnd(18)} ${f.found}`);
  const problem = (what: string, error: unknown, needed = true) => {
    if (needed) bad++;
    say(`${needed ? red("✗") : yellow("–")} ${what.padEnd(18)} ${(error as Error).message}`);
    const next = error instanceof Failure ? error.next : undefined;
    if (next) say(dim(`  ${" ".repeat(18)} ${next}`));
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
          throw new Failure("not installed; only one of the tests uses it");
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

  const ownKeda = config.scaling.engine === "keda" && config.keda.mode === "install";
  for (const name of Object.keys(CHARTS) as ChartName[]) {
    if (name === "metricsServer" && config.metricsServer.mode === "existing") continue;
    if (name === "keda" && !ownKeda) continue;
    if (name === "kubePrometheusStack" && config.observability !== "install") continue;
    await check(`chart ${CHARTS[name].name}`, () => chart(config, name));
  }

  // nodes pull these, not this machine: a firewall between them shows only when pods wait
  const hosts = [
    ...(Object.keys(IMAGES) as (keyof typeof IMAGES)[]).map((name) => thirdPartyImage(config, name).split("/")[0]!),
    // the charts' images, where no mirror stands for their registries
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

  if (!(await hasCluster(config))) {
    await check(
      "cluster",
      () => {
        throw new Failure(
          "none is configured: `npm run up` offers a local kind cluster",
          "Or name one: cluster.context in config.yaml, or KUBECONFIG.",
        );
      },
      false,
    );
    await check("kind", async () => {
      try {
        return (await run("kind", ["version"], { timeoutMs: 20_000 })).stdout.trim();
      } catch (error) {
        if (!(error instanceof RunError)) throw error;
        throw new Failure("not installed", `Install it: ${KIND_URL}. ${WITHOUT_CLUSTER}`);
      }
    });
  } else {
    const kube = new Kube(config);
    const reached = await check("cluster", async () => `${await kube.describe()}, Kubernetes ${await kube.ping()}`);
    if (reached) {
      await check("rights", async () => {
        await synth(config, { tolerant: true });
        return checkPermissions(kube, permissionsFor(readStacks()));
      });
      if (built.length) await check("platform", () => checkPlatform(config, kube), mustBuild);
      await check("namespaces", async () => {
        await checkNamespaces(config, kube);
        return config.namespaces.create ? "free, or ours" : "those that are there";
      });
      await check("metrics-server", async () => {
        await checkMetricsServer(config, kube);
        return config.metricsServer.mode === "install" ? "ours" : "the cluster's own";
      });
      if (config.scaling.engine === "keda") {
        await check("KEDA", async () => {
          await checkKeda(config, kube);
          return config.keda.mode === "install" ? "ours" : "the cluster's own";
        });
      }
      if (config.redis.tls.secret !== null) {
        await check("TLS of Redis", async () => (await checkTlsSecret(config, kube))!);
      }
      if (config.redis.durability === "ha") {
        await check("nodes", async () => {
          const ready = (await kube.visible("nodes")).filter((n) => isReady(n) && !n.spec?.["unschedulable"]);
          if (kube.unseen.has("nodes")) return "not known: this user may not look at nodes";
          if (ready.length >= GROUP_SIZE) return `${ready.length} ready`;
          throw new Failure(
            `${ready.length} ready, and redis.durability: ha keeps its ${GROUP_SIZE} copies on ${GROUP_SIZE} nodes`,
            "Add nodes, or choose redis.durability: safe.",
          );
        });
      }
      if (config.state.backend === "kubernetes") {
        await check("state", async () => {
          const [lock, ...others] = await stateLocks(kube);
          if (!lock) return `in namespace ${config.state.namespace}, held by nobody`;
          const more = others.length ? ` (and ${others.map((l) => l.layer).join(", ")})` : "";
          throw new Failure(
            `layer ${lock.layer}${more} is ${lock.text}`,
            `Wait for that run to end. If it was killed: ${unlockCommand(config.terraform, lock)}`,
          );
        });
      }
      await check("storage", async () => {
        const classes = await kube.visible("storageclass");
        if (kube.unseen.has("storageclass"))
          return "not known: this user may not look at StorageClasses; redis.storageClass names one";
        const wanted = config.redis.storageClass;
        const isDefault = (o: (typeof classes)[number]) =>
          o.metadata.annotations?.["storageclass.kubernetes.io/is-default-class"] === "true";
        const found = classes.find((c) => (wanted ? c.metadata.name === wanted : isDefault(c)));
        if (!found) {
          throw new Failure(
            wanted ? `there is no StorageClass ${wanted}` : "the cluster has no default StorageClass",
            `Set redis.storageClass to one of: ${classes.map((c) => c.metadata.name).join(", ") || "(there is none)"}`,
          );
        }
        return `StorageClass ${found.metadata.name}`;
      });
    }
  }
  say();
  say(bad ? `${bold(String(bad))} to mend.` : bold("All is there. Deploy: npm run up"));
  return bad ? 1 : 0;
}

/** Where a chart is: an archive that exists, or a repository that answers. */
async function chart(config: Config, name: ChartName): Promise<string> {
  const source = chartSource(config, name);
  if (!source.repository) return source.chart;
  const { repository } = source;
  const answer = await fetch(`${repository.replace(/\/$/, "")}/index.yaml`, {
    method: "HEAD",
    signal: AbortSignal.timeout(10_000),
  }).catch((error: unknown) => {
    throw new Failure(
      `${new URL(repository).host} cannot be reached (${(error as Error & { cause?: { code?: string } }).cause?.code ?? (error as Error).message})`,
      "On a site without the internet, put the chart archives into a folder and name it: charts.dir",
    );
  });
  if (!answer.ok) throw new Failure(`${repository} answered ${answer.status}`);
  return `${source.version} from ${repository}`;
}
