import { createKind, deleteKind } from "../../../scripts/cluster/kind";
import { testConfig } from "../../helpers/layers";
import { notInstalled, recorder } from "../../helpers/recorder";

describe("a kind cluster for the project", () => {
  const config = testConfig();
  it("a cluster is created together with a registry, as described in kind's documentation", async () => {
    const { run, commands, inputs } = recorder([
      [/kind get nodes/, "iacproject-control-plane\niacproject-worker\n"],
      [/inspect/, "null"],
    ]);
    await createKind(config, () => undefined, run);
    expect(commands).toEqual([
      "kind version",
      "docker ps --all --filter name=^iacproject-registry$ --format {{.State}}",
      "docker run --detach --restart=always --publish 127.0.0.1:5001:5000 --network bridge --name iacproject-registry docker.io/library/registry:2.8.3",
      "kind get clusters",
      "kind create cluster --name iacproject --config - --wait 180s",
      "kind get nodes --name iacproject",
      ...["iacproject-control-plane", "iacproject-worker"].flatMap((node) => [
        `docker exec ${node} mkdir -p /etc/containerd/certs.d/localhost:5001`,
        `docker exec -i ${node} cp /dev/stdin /etc/containerd/certs.d/localhost:5001/hosts.toml`,
      ]),
      "docker inspect --format {{json .NetworkSettings.Networks.kind}} iacproject-registry",
      "docker network connect kind iacproject-registry",
      "kubectl --context kind-iacproject apply -f -",
    ]);
    const cluster = JSON.parse(inputs[0]!) as { nodes: unknown[]; containerdConfigPatches: string[] };
    expect(cluster.nodes).toHaveLength(3);
    expect(cluster.nodes[0]).toEqual({
      role: "control-plane",
      // the front and Grafana are exposed on localhost only
      extraPortMappings: [
        { containerPort: 30080, hostPort: 8080, listenAddress: "127.0.0.1" },
        { containerPort: 30030, hostPort: 3000, listenAddress: "127.0.0.1" },
      ],
    });
    expect(cluster.containerdConfigPatches[0]).toContain('config_path = "/etc/containerd/certs.d"');
    expect(inputs[1]).toBe('[host."http://iacproject-registry:5000"]\n');
  });
  it("is not created again if it exists", async () => {
    const { run, commands } = recorder([
      [/docker ps/, "running"],
      [/kind get clusters/, "iacproject\n"],
      [/inspect/, "{}"],
    ]);
    await createKind(config, () => undefined, run);
    expect(commands.some((c) => /kind create|docker run|network connect/.test(c))).toBe(false);
  });
  it("without kind, the error shows where to get it and what works without a cluster", async () => {
    const creation = createKind(config, () => undefined, recorder([[/kind version/, notInstalled("kind")]]).run);
    await expect(creation).rejects.toMatchObject({ next: expect.stringContaining("https://kind.sigs.k8s.io") });
    await expect(creation).rejects.toMatchObject({ next: expect.stringContaining("npm run dev") });
  });
  it("is deleted with its registry", async () => {
    const { run, commands } = recorder();
    await deleteKind(config, run);
    expect(commands).toEqual([
      "kind delete cluster --name iacproject",
      "docker rm --force --volumes iacproject-registry",
    ]);
  });
});
