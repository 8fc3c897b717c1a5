/** The members of a Sentinel group before `redis.durability` changes from ha. */
import { leaveGroup } from "../../../scripts/redis/leave-group";
import { Kube } from "../../../scripts/cluster/kubectl";
import { testConfig } from "../../helpers/layers";
import { recorder } from "../../helpers/recorder";

const list = (...items: object[]) => JSON.stringify({ kind: "List", items });
const running = (...names: string[]) =>
  list(...names.map((name) => ({ kind: "Pod", metadata: { name }, status: { phase: "Running" } })));
const set = (containers: readonly string[], replicas = 3) =>
  JSON.stringify({
    kind: "StatefulSet",
    metadata: { name: "redis-main", managedFields: [{ manager: "terraform" }, { manager: "iacproject-leave-group" }] },
    spec: { replicas, template: { spec: { containers: containers.map((name) => ({ name })) } } },
  });
const group = set(["redis", "sentinel"]);
const role = (pod: string, ...roles: string[]): [RegExp, ...string[]] => [
  new RegExp(`exec ${pod} .*INFO replication`),
  ...roles.map((text) => `role:${text}\n`),
];
const all = ["redis-main-0", "redis-main-1", "redis-main-2"];
const left = ["redis-main-1", "redis-main-2"].map((pod) => role(pod, "slave"));
const patches = (commands: readonly string[]) => commands.filter((command) => command.includes(" patch "));

describe("a change from ha", () => {
  it("first removes the other members, and waits until they have ended, while redis-main-0 is main", async () => {
    const { run, commands } = recorder([
      [/get statefulset/, group],
      [/get pods/, running(...all), running(...all), running("redis-main-0", "redis-main-2"), running("redis-main-0")],
      role("redis-main-0", "master"),
      ...left,
      [/exec redis-main-0 .* alone' >\/data\/sentinel\/of-member/, ""],
    ]);
    expect(await leaveGroup(new Kube(testConfig(), run))).toBe(true);
    expect(patches(commands)).toEqual([
      expect.stringContaining('[{"op":"replace","path":"/spec/replicas","value":1}]'),
      // as Terraform left them, also after an interrupted run
      expect.stringContaining('"path":"/metadata/managedFields","value":[{"manager":"terraform"}]'),
    ]);
    expect(commands.filter((command) => command.includes("get pods"))).toHaveLength(4);
    // the last command: only now is it certain that no other member can become main
    expect(commands.at(-1)).toContain("of-member");
  });
  it("is refused while another member does not answer, which could be main", async () => {
    const { run, commands } = recorder([
      [/get statefulset/, group],
      [/get pods/, running(...all)],
      role("redis-main-0", "master"),
      role("redis-main-1", "slave"),
    ]);
    await expect(leaveGroup(new Kube(testConfig(), run))).rejects.toThrow("redis-main-2 does not answer as a copy");
    expect(patches(commands)).toEqual([]);
  });
  it("is refused while another member is main, before anything changes", async () => {
    const { run, commands } = recorder([
      [/get statefulset/, group],
      [/get pods/, running(...all)],
      role("redis-main-0", "slave"),
      role("redis-main-1", "slave"),
      role("redis-main-2", "master"),
    ]);
    await expect(leaveGroup(new Kube(testConfig(), run))).rejects.toMatchObject({
      message: expect.stringContaining("redis-main-2 is main, but only the volume of redis-main-0 is used"),
      next: expect.stringContaining("delete pod redis-main-2"),
    });
    expect(patches(commands)).toEqual([]);
  });
  it("is refused while two members report that they are main", async () => {
    const { run, commands } = recorder([
      [/get statefulset/, group],
      [/get pods/, running(...all)],
      ...all.slice(0, 2).map((pod) => role(pod, "master")),
      role("redis-main-2", "slave"),
    ]);
    await expect(leaveGroup(new Kube(testConfig(), run))).rejects.toThrow("More than one pod reports");
    expect(patches(commands)).toEqual([]);
  });
  it("is refused if another member does not end, or became main meanwhile", async () => {
    const before = [[/get statefulset/, group], ...left] as [RegExp, string][];
    const hanging = recorder([...before, [/get pods/, running(...all)], role("redis-main-0", "master")]);
    await expect(leaveGroup(new Kube(testConfig(), hanging.run), undefined, 0)).rejects.toMatchObject({
      message: expect.stringContaining("redis-main-1 and redis-main-2 did not end"),
    });
    const demoted = recorder([
      ...before,
      [/get pods/, running(...all), running(...all), running("redis-main-0")],
      role("redis-main-0", "master", "slave"),
    ]);
    await expect(leaveGroup(new Kube(testConfig(), demoted.run))).rejects.toMatchObject({
      message: expect.stringContaining("redis-main-0 is no longer main"),
      next: expect.stringContaining("Set redis.durability to ha again"),
    });
  });
  it("is refused if no member reports that it is main, because all would end at once", async () => {
    const { run, commands } = recorder([
      [/get statefulset/, group],
      [/get pods/, running(...all)],
      ...all.map((pod) => role(pod, "slave")),
    ]);
    await expect(leaveGroup(new Kube(testConfig(), run))).rejects.toThrow(
      /unknown which member is main.*No pod is main/,
    );
    expect(patches(commands)).toEqual([]);
  });
  describe("after a run that was interrupted while it removed the others", () => {
    const left = (...replies: [RegExp, ...string[]][]) =>
      recorder([
        [/get statefulset/, set(["redis", "sentinel"], 1)],
        // one of them is still about to end
        [/get pods/, running("redis-main-0", "redis-main-1"), running("redis-main-0")],
        ...replies,
      ]);
    const stored = (commands: readonly string[]) => commands.filter((command) => command.includes("of-member"));
    it("goes on as the first run would have, once they have ended", async () => {
      const { run, commands } = left(role("redis-main-0", "master"), [/of-member/, ""]);
      expect(await leaveGroup(new Kube(testConfig(), run))).toBe(true);
      expect(stored(commands)).toHaveLength(1);
    });
    it("lets the single main decide if redis-main-0 has restarted meanwhile, which does not run without the others", async () => {
      const { run, commands } = left([/INFO replication/, "Could not connect to Redis"]);
      expect(await leaveGroup(new Kube(testConfig(), run))).toBe(false);
      expect(commands.filter((command) => command.includes("get pods"))).toHaveLength(2);
      expect(stored(commands)).toEqual([]);
    });
    it("is refused if another member became main meanwhile", async () => {
      const { run } = left(role("redis-main-0", "slave"));
      await expect(leaveGroup(new Kube(testConfig(), run))).rejects.toThrow("redis-main-0 is no longer main");
    });
  });
});

it("leaves a single main, a first deployment and a group that stays one alone", async () => {
  for (const live of [set(["redis"]), ""]) {
    const { run, commands } = recorder([[/get statefulset/, live]]);
    expect(await leaveGroup(new Kube(testConfig(), run))).toBe(false);
    expect(patches(commands)).toEqual([]);
  }
  const { run, commands } = recorder([[/get statefulset/, group]]);
  expect(await leaveGroup(new Kube(testConfig({ redis: { durability: "ha" } }), run))).toBe(false);
  expect(commands).toEqual([]);
});
