/** Changes to `redis.storage` and similar settings, followed by `npm run up`. */
import { Kube } from "../../../scripts/cluster/kubectl";
import { finishRecreation, RECREATING } from "../../../scripts/deploy/recreate-set";
import { checkStorage, finishGrowth, growVolumes } from "../../../scripts/deploy/storage";
import { planVolumes } from "../../../scripts/deploy/volumes";
import { testConfig, type Json } from "../../helpers/layers";
import { RunError } from "../../../scripts/terminal/run-program";
import { Killed, VolumeCluster, type ClusterProps } from "../../helpers/volume-cluster";

const clusterOf = (props: ClusterProps, settings: object) => {
  const cluster = new VolumeCluster(props);
  return { cluster, kube: new Kube(testConfig(settings), cluster.run) };
};
const larger = { redis: { storage: "2Gi" } };
const up = async (kube: Kube) => {
  const plan = await checkStorage(kube);
  await growVolumes(kube, plan);
  return plan;
};
const printed: string[] = [];
beforeEach(() => {
  printed.length = 0;
  jest.spyOn(process.stdout, "write").mockImplementation((text) => Boolean(printed.push(String(text))));
});
afterEach(() => jest.restoreAllMocks());

describe("a larger redis.storage", () => {
  it("enlarges the claim, and recreates the StatefulSet without its pods and with the same pod template", async () => {
    const { cluster, kube } = clusterOf({}, larger);
    const before = cluster.set!;
    await up(kube);
    expect(cluster.sizes).toEqual({ "data-redis-main-0": "2Gi" });
    expect(cluster.template["resources"].requests.storage).toBe("2Gi");
    expect(cluster.set!["metadata"].uid).not.toBe(before["metadata"].uid);
    // including the annotations of manual restarts: a pod restarts only if the template differs from its revision
    expect(cluster.set!["spec"].template).toEqual(before["spec"].template);
    expect(cluster.set!["metadata"].labels).toEqual(before["metadata"].labels);
    expect(cluster.changes.filter((c) => c.includes("delete statefulset"))).toEqual([
      expect.stringContaining("--cascade=orphan"),
    ]);
  });
  it("returns the fields to their previous managers, so that the next apply does not conflict", async () => {
    const { cluster, kube } = clusterOf({}, larger);
    await up(kube);
    expect(cluster.set!["metadata"].managedFields).toEqual([expect.objectContaining({ manager: "terraform" })]);
  });
  it("enlarges the volumes of every member, the backups and Prometheus, and recreates the StatefulSet only once", async () => {
    const claims = {
      "data-redis-main-0": "1Gi",
      "data-redis-main-1": "1Gi",
      "data-redis-main-2": "1Gi",
      "redis-backups": "2Gi",
      "prometheus-db-0": "5Gi",
    };
    const { cluster, kube } = clusterOf(
      { claims },
      {
        redis: { storage: "2Gi", durability: "ha", backup: { schedule: "@daily", storage: "4Gi" } },
        monitoring: { storage: "8Gi" },
      },
    );
    await up(kube);
    expect(cluster.sizes).toEqual({
      "data-redis-main-0": "2Gi",
      "data-redis-main-1": "2Gi",
      "data-redis-main-2": "2Gi",
      "redis-backups": "4Gi",
      "prometheus-db-0": "8Gi",
    });
    expect(cluster.changes.filter((c) => c.includes("create"))).toHaveLength(1);
  });
  it("changes nothing the second time, or on a new system", async () => {
    const { cluster, kube } = clusterOf({}, larger);
    await up(kube);
    const changes = cluster.changes.length;
    await up(kube);
    expect(cluster.changes).toHaveLength(changes);
    const empty = clusterOf({ template: null, claims: {} }, larger);
    await up(empty.kube);
    expect(empty.cluster.changes).toEqual([]);
  });
  it("recognizes another spelling of the same size", async () => {
    const { cluster, kube } = clusterOf({}, { redis: { storage: "1024Mi" } });
    await up(kube);
    expect(cluster.changes).toEqual([]);
  });
  it("does not change a claim that was manually enlarged beyond the new size", async () => {
    const { cluster, kube } = clusterOf({ claims: { "data-redis-main-0": "4Gi" } }, larger);
    await up(kube);
    expect(cluster.sizes).toEqual({ "data-redis-main-0": "4Gi" });
    expect(cluster.template["resources"].requests.storage).toBe("2Gi");
  });
  it("postpones enlarging a claim if the deployment must raise the quota first", async () => {
    const { cluster, kube } = clusterOf({ quota: { name: "iacproject", hard: "1Gi" } }, larger);
    const plan = await up(kube);
    expect(cluster.sizes).toEqual({ "data-redis-main-0": "1Gi" });
    await expect(finishGrowth(kube, plan)).rejects.toThrow("The quota of namespace iacproject refuses 2Gi");
    cluster.quota = { name: "iacproject", hard: "2Gi" };
    await finishGrowth(kube, plan);
    expect(cluster.sizes).toEqual({ "data-redis-main-0": "2Gi" });
  });
});

it("recreates the StatefulSet even if another run has removed its copy in the meantime", async () => {
  const { cluster } = clusterOf({}, larger);
  const run: typeof cluster.run = async (program, args, options) => {
    const result = await cluster.run(program, args, options);
    if (args.includes("--cascade=orphan")) delete cluster.configMaps[RECREATING];
    return result;
  };
  await up(new Kube(testConfig(larger), run));
  expect(cluster.template["resources"].requests.storage).toBe("2Gi");
  expect(cluster.set!["metadata"].managedFields).toEqual([expect.objectContaining({ manager: "terraform" })]);
});

it("a new size is refused if the user may not list claims, because then only the StatefulSet would have it", async () => {
  const { cluster } = clusterOf({}, larger);
  const run: typeof cluster.run = (program, args, options) => {
    const isList = args.includes("get") && args.includes("pvc");
    if (!isList) return cluster.run(program, args, options);
    const output = 'Error from server (Forbidden): persistentvolumeclaims is forbidden: User "u" cannot list resource';
    return Promise.reject(new RunError("kubectl get pvc", 1, output, "forbidden"));
  };
  await expect(up(new Kube(testConfig(larger), run))).rejects.toThrow(
    "This user may not list persistentvolumeclaims in iacproject, so redis.storage cannot be changed.",
  );
  expect(cluster.changes).toEqual([]);
});

describe("a run that is killed between two steps", () => {
  const claims = { "data-redis-main-0": "1Gi", "data-redis-main-1": "1Gi" };
  /** Simulates a run that is killed after the given number of changes. */
  const killed = async (after: number) => {
    const { cluster, kube } = clusterOf({ claims }, larger);
    const { template } = cluster.set!["spec"] as Json;
    cluster.killAfter = after;
    await expect(up(kube)).rejects.toThrow(Killed);
    cluster.killAfter = Infinity;
    return { cluster, kube, template };
  };
  const STEPS = [0, 1, 2, 3, 4, 5, 6];
  it("has these steps", async () => {
    const { cluster, kube } = clusterOf({ claims }, larger);
    await up(kube);
    expect(cluster.changes).toHaveLength(STEPS.length);
  });
  it.each(STEPS)("a run that was killed after %i changes is continued by the next one", async (after) => {
    const { cluster, kube, template } = await killed(after);
    await up(kube);
    expect(cluster.sizes).toEqual({ "data-redis-main-0": "2Gi", "data-redis-main-1": "2Gi" });
    expect(cluster.template["resources"].requests.storage).toBe("2Gi");
    expect(cluster.set!["spec"].template).toEqual(template);
    expect(cluster.set!["metadata"].managedFields).toEqual([expect.objectContaining({ manager: "terraform" })]);
    expect(cluster.configMaps).not.toHaveProperty(RECREATING);
  });
  it.each(STEPS)(
    "a run that was killed after %i changes leaves no pods without a StatefulSet when the system is removed",
    async (after) => {
      const { cluster, kube } = await killed(after);
      await finishRecreation(kube);
      expect(cluster.set).toBeDefined();
      expect(cluster.configMaps).not.toHaveProperty(RECREATING);
    },
  );
  it("the next run waits for a StatefulSet whose deletion has begun", async () => {
    const { cluster, kube } = await killed(3);
    cluster.set = { ...cluster.set, metadata: { ...cluster.set!["metadata"], deletionTimestamp: "now" } };
    await up(kube);
    expect(cluster.set!["metadata"].deletionTimestamp).toBeUndefined();
    expect(cluster.template["resources"].requests.storage).toBe("2Gi");
  });
  it("the next run may have the previous size: the StatefulSet is restored, and the claims stay larger", async () => {
    const { cluster } = await killed(4);
    expect(cluster.set).toBeUndefined();
    await up(new Kube(testConfig(), cluster.run));
    expect(cluster.template["resources"].requests.storage).toBe("1Gi");
    expect(cluster.sizes["data-redis-main-0"]).toBe("2Gi");
  });
});

describe("an impossible change is refused in one sentence, before anything is changed", () => {
  const refused = async (props: ClusterProps, settings: object) => {
    const { cluster, kube } = clusterOf(props, settings);
    const error = (await up(kube).catch((e: unknown) => e)) as { message: string; next: string };
    expect(cluster.changes).toEqual([]);
    expect(error).toBeInstanceOf(Error);
    return error;
  };
  it("a class that cannot expand volumes", async () => {
    const error = await refused({ expandable: false }, larger);
    expect(error.message).toBe(
      "redis.storage is 2Gi, but the volume data-redis-main-0 stays at 1Gi: its storage class standard does not allow expansion. Nothing was changed.",
    );
    expect(error.next).toMatch(
      /^Set redis\.storage back to 1Gi; lower redis\.maxMemory .*npm run backup.*npm run restore/,
    );
  });
  it("one member's volume that cannot grow", async () => {
    const error = await refused(
      { claims: { "data-redis-main-0": "2Gi", "data-redis-main-1": "1Gi" }, expandable: false },
      larger,
    );
    expect(error.message).toContain("the volume data-redis-main-1 stays at 1Gi");
  });
  it("a smaller volume for main", async () => {
    const error = await refused({ template: "2Gi", claims: { "data-redis-main-0": "2Gi" } }, {});
    expect(error.message).toBe(
      "redis.storage is 1Gi, but the volume of main has 2Gi, and a volume cannot be made smaller. Nothing was changed.",
    );
  });
  it("a smaller volume for backups, because Terraform would delete the volume with all backups", async () => {
    const error = await refused(
      { claims: { "redis-backups": "4Gi" } },
      { redis: { backup: { schedule: "@daily", storage: "2Gi" } } },
    );
    expect(error.message).toContain("redis.backup.storage is 2Gi, but the volume redis-backups has 4Gi");
  });
  it("another storage class, or no class where there was one", async () => {
    const error = await refused({}, { redis: { storageClass: "fast" } });
    expect(error.message).toBe(
      "redis.storageClass is fast, but the volume data-redis-main-0 has the storage class standard, which cannot change. Nothing was changed.",
    );
    expect((await refused({ templateClass: "standard" }, {})).message).toMatch(/^redis\.storageClass is not set, but/);
  });
  it("a claim without a volume, and another tenant's quota", async () => {
    expect((await refused({ phase: "Pending" }, larger)).next).toContain("delete pvc data-redis-main-0");
    expect((await refused({ quota: { name: "team", hard: "1Gi" } }, larger)).message).toContain("exceeded quota: team");
  });
});

describe("sizes that cannot hold maxMemory", () => {
  const large = { maxMemory: "1gb", main: { memoryLimit: "8Gi" }, replica: { memoryLimit: "8Gi" } };
  it("sizes that are too small are refused for a new system, even if a killed run has left a namespace behind", async () => {
    const { kube } = clusterOf({ template: null, claims: {} }, { redis: large });
    await expect(up(kube)).rejects.toThrow("redis.storage: with redis.maxMemory 1gb, the volume needs at least 3Gi");
  });
  it("sizes that are too small cause a warning for an existing system, even if only its volumes exist", async () => {
    for (const props of [{}, { template: null }, { claims: {} }]) {
      printed.length = 0;
      await up(clusterOf(props, { redis: large }).kube);
      expect(printed.join("")).toMatch(/! redis\.storage: .*set redis\.storage to 4Gi/);
    }
  });
  it("a size that is too small is ignored if the volume was enlarged manually", async () => {
    await up(clusterOf({ claims: { "data-redis-main-0": "4Gi" } }, { redis: large }).kube);
    expect(printed).toEqual([]);
  });
});
it("the existing volumes' class may be configured later: the StatefulSet is recreated with it", async () => {
  const { cluster, kube } = clusterOf({}, { redis: { storageClass: "standard" } });
  await up(kube);
  expect(cluster.template["storageClassName"]).toBe("standard");
});
it("a Prometheus volume that cannot grow causes a warning, because Prometheus' operator does not change it", async () => {
  const { cluster, kube } = clusterOf(
    { claims: { "prometheus-db-0": "5Gi" }, expandable: false },
    { monitoring: { storage: "8Gi" } },
  );
  await up(kube);
  expect(printed.join("")).toContain("monitoring.storage is 8Gi, but the volume prometheus-db-0 stays at 5Gi");
  expect(cluster.changes).toEqual([]);
});

it("a comparison lists the volumes that would grow, but makes no dry run, because that needs more than read permissions", async () => {
  const claims = { "data-redis-main-0": "1Gi", "prometheus-db-0": "5Gi" };
  const settings = { ...larger, monitoring: { storage: "8Gi" } };
  const { kube } = clusterOf({ claims, expandable: false }, settings);
  const { growing } = await planVolumes(kube, { trial: false });
  expect(growing).toEqual([expect.objectContaining({ name: "data-redis-main-0", from: "1Gi", to: "2Gi" })]);
});

describe("after the deployment", () => {
  const after = async (driver: (claim: Json) => void) => {
    const { kube } = clusterOf({ driver }, larger);
    await finishGrowth(kube, await up(kube), { timeoutMs: 20, pollMs: 5 });
    return printed.join("");
  };
  it("a volume that its driver has not enlarged is reported", async () => {
    expect(await after(() => undefined)).toContain("data-redis-main-0 requests 2Gi, but its volume still has 1Gi");
  });
  it("a file system that grows when its pod next starts is reported at once", async () => {
    const pending = await after((claim) => {
      claim["status"].conditions = [{ type: "FileSystemResizePending", status: "True" }];
    });
    expect(pending).toContain("enlarges the file system when the pod starts");
  });
});
