import { Kube } from "../../../scripts/cluster/kubectl";
import { logs, selection } from "../../../scripts/commands/logs";
import type { Run } from "../../../scripts/terminal/run-program";
import { testConfig } from "../../helpers/layers";
import { api, nginx, redis } from "../../helpers/log-lines";

describe("npm run logs", () => {
  const answering = (lines: readonly string[]) => {
    const commands: string[] = [];
    const run: Run = (program, args, options) => {
      const command = [program, ...args].join(" ");
      commands.push(command);
      if (command.includes(" logs ")) for (const line of lines) options.onLine?.(line);
      const pods = { items: [{ kind: "Pod", metadata: { name: "node-1" } }] };
      return Promise.resolve({ code: 0, stdout: JSON.stringify(command.includes("get pods") ? pods : {}), stderr: "" });
    };
    return { run, commands };
  };
  const options = { follow: false, previous: false, since: "10m", tail: "200", json: true };
  let output: string;
  beforeEach(() => {
    output = "";
    const keep = (text: string | Uint8Array) => ((output += String(text)), true);
    jest.spyOn(process.stdout, "write").mockImplementation(keep);
    jest.spyOn(process.stderr, "write").mockImplementation(keep);
  });
  afterEach(() => jest.restoreAllMocks());

  it("selects a workload by its label, a pod by its name, and everything if no name is given", async () => {
    const kube = new Kube(testConfig(), answering([]).run);
    expect(await selection(kube, "redis-replicas")).toEqual(["-l", "app.kubernetes.io/name=redis-replica"]);
    expect(await selection(kube, "node")).toEqual(["-l", "app.kubernetes.io/name=node"]);
    expect(await selection(kube, "node-1")).toEqual(["node-1"]);
    expect(await selection(kube, undefined)).toEqual(["-l", "app.kubernetes.io/part-of=iacproject"]);
  });
  it("refuses an unknown name; the error lists the available ones", async () => {
    const kube = new Kube(testConfig(), answering([]).run);
    await expect(selection(kube, "nod")).rejects.toMatchObject({
      message: "There is no workload or pod nod in namespace iacproject.",
      next: expect.stringMatching(/Workloads: redis-main, .*Pods: node-1/),
    });
  });
  it.each([
    ["since", "yesterday"],
    ["tail", "-3"],
  ])("refuses --%s %s before it queries the cluster", async (name, value) => {
    const { run, commands } = answering([]);
    await expect(logs("node", { ...options, [name]: value }, run)).rejects.toThrow(`--${name} is "${value}"`);
    expect(commands).toEqual([]);
  });
  it("shows a request's log lines from the front and the API", async () => {
    const { run, commands } = answering([api, redis, nginx]);
    await logs(undefined, { ...options, request: "abc-12345" }, run);
    expect(output.trim().split("\n")).toHaveLength(2);
    expect(commands.at(-1)).toMatch(/logs -l \S+ --prefix --timestamps .*--since 10m --tail 200$/);
  });
  it("reports that it found nothing", async () => {
    await logs("node", { ...options, request: "abc-12345" }, answering([redis]).run);
    expect(output).toContain("No log lines about request abc-12345 in the last 10m from node.");
  });
});
