/** The configuration: each mistake yields one message with the field, its value and the expected value. */
import { describe, expect, it } from "vitest";
import { readConfig } from "../src/config";

const TARGET = {
  workload: "node",
  selector: "app.kubernetes.io/name=node",
  port: 3000,
  signals: [{ metric: "http_requests_per_second", target: 100 }],
};
const env = (config: unknown, more: Record<string, string> = {}) => ({
  KUBERNETES_SERVICE_HOST: "10.96.0.1",
  POD_NAME: "scaler-1",
  SCALER_CONFIG: typeof config === "string" ? config : JSON.stringify(config),
  ...more,
});
const withTarget = (target: object) => ({ namespace: "test", targets: [{ ...TARGET, ...target }] });
const problems = (config: unknown, more?: Record<string, string>) => {
  try {
    readConfig(env(config, more));
  } catch (error) {
    return (error as Error).message.split("\n");
  }
  return [];
};

describe("the configuration", () => {
  it("has a default for every optional field", () => {
    expect(readConfig(env(withTarget({})))).toEqual({
      kubernetes: {
        server: "https://10.96.0.1:443",
        credentialsDir: "/var/run/secrets/kubernetes.io/serviceaccount",
      },
      namespace: "test",
      lease: "scaler",
      identity: "scaler-1",
      tickMs: 500,
      port: 8080,
      targets: [
        {
          ...TARGET,
          autoscaler: "node",
          path: "/metrics",
          signals: [{ metric: "http_requests_per_second", target: 100, limit: 100_000 }],
          sparePods: 0,
          scaleDownWindowSeconds: 120,
          scaleUp: { percent: 100, pods: 4, periodSeconds: 15 },
          scaleDown: { percent: 50, pods: 1, periodSeconds: 60 },
        },
      ],
    });
  });

  it("uses given values instead of the defaults", () => {
    const config = readConfig(
      env({
        ...withTarget({ scaleUp: { pods: 8 }, signals: [{ metric: "busy", target: 0.7, limit: 1 }], path: "/prom" }),
        tickMs: 250,
        lease: "other",
      }),
    );
    expect(config).toMatchObject({ tickMs: 250, lease: "other" });
    expect(config.targets[0]).toMatchObject({
      path: "/prom",
      scaleUp: { percent: 100, pods: 8, periodSeconds: 15 },
      signals: [{ metric: "busy", target: 0.7, limit: 1 }],
    });
  });

  it("supports an API server with an IPv6 address", () => {
    const { kubernetes } = readConfig(
      env(withTarget({}), { KUBERNETES_SERVICE_HOST: "fd00::1", KUBERNETES_SERVICE_PORT: "6443" }),
    );
    expect(kubernetes.server).toBe("https://[fd00::1]:6443");
  });

  const signal = (more: object) => withTarget({ signals: [{ metric: "load", target: 100, ...more }] });
  it.each<[string, unknown, string]>([
    ["text that is not JSON", "{", "SCALER_CONFIG is not JSON: "],
    ["JSON that is not an object", "[]", "SCALER_CONFIG: the value is [], expected an object"],
    [
      "an empty list of targets",
      { namespace: "test", targets: [] },
      "SCALER_CONFIG: targets is [], expected a list with at least one item",
    ],
    ["a missing namespace", { targets: [TARGET] }, "SCALER_CONFIG: namespace is missing, expected a lowercase name"],
    [
      "a target of 0",
      signal({ target: 0 }),
      "SCALER_CONFIG: targets[0].signals[0].target is 0, expected a number above 0",
    ],
    [
      "a negative target",
      signal({ target: -1 }),
      "SCALER_CONFIG: targets[0].signals[0].target is -1, expected a number above 0",
    ],
    [
      "a target that is text",
      signal({ target: "100" }),
      'SCALER_CONFIG: targets[0].signals[0].target is "100", expected a number above 0',
    ],
    [
      "a limit below the target",
      signal({ limit: 50 }),
      "SCALER_CONFIG: targets[0].signals[0].limit is 50, expected a number from 100",
    ],
    [
      "an invalid metric name",
      signal({ metric: "a-b" }),
      'SCALER_CONFIG: targets[0].signals[0].metric is "a-b", expected the name of a gauge',
    ],
    [
      "an unknown field",
      withTarget({ windowSeconds: 3 }),
      "SCALER_CONFIG: targets[0].windowSeconds is unknown, expected only workload, autoscaler, ",
    ],
    [
      "an unknown field in a signal",
      signal({ name: "x" }),
      "SCALER_CONFIG: targets[0].signals[0].name is unknown, expected only metric, target, limit",
    ],
    [
      "an unknown field in a policy",
      withTarget({ scaleUp: { seconds: 3 } }),
      "SCALER_CONFIG: targets[0].scaleUp.seconds is unknown, expected only percent, pods, periodSeconds",
    ],
    [
      "a window of 0",
      withTarget({ scaleDownWindowSeconds: 0 }),
      "SCALER_CONFIG: targets[0].scaleDownWindowSeconds is 0, expected a number from 1 up to 3600",
    ],
    [
      "a negative policy",
      withTarget({ scaleDown: { pods: -1 } }),
      "SCALER_CONFIG: targets[0].scaleDown.pods is -1, expected a whole number from 1 up to 1000",
    ],
    [
      "a fraction of a pod",
      withTarget({ scaleUp: { pods: 1.5 } }),
      "SCALER_CONFIG: targets[0].scaleUp.pods is 1.5, expected a whole number from 1 up to 1000",
    ],
    [
      "port 0",
      withTarget({ port: 0 }),
      "SCALER_CONFIG: targets[0].port is 0, expected a whole number from 1 up to 65535",
    ],
    [
      "a path with a query",
      withTarget({ path: "/m?x" }),
      'SCALER_CONFIG: targets[0].path is "/m?x", expected a path that starts with /',
    ],
    [
      "an empty selector",
      withTarget({ selector: "" }),
      'SCALER_CONFIG: targets[0].selector is "", expected a label selector, such as app=node',
    ],
    [
      "a tick that is too short",
      { ...withTarget({}), tickMs: 10 },
      "SCALER_CONFIG: tickMs is 10, expected a whole number from 100 up to 5000",
    ],
    [
      "a workload that is listed twice",
      { namespace: "test", targets: [TARGET, TARGET] },
      'SCALER_CONFIG: workload "node" is listed more than once',
    ],
    [
      "a signal that is listed twice",
      withTarget({ signals: [...TARGET.signals, ...TARGET.signals] }),
      'SCALER_CONFIG: node: metric "http_requests_per_second" is listed more than once',
    ],
  ])("refuses %s", (_, config, problem) => {
    const found = problems(config);
    expect(found).toHaveLength(1);
    expect(found[0]!.slice(0, problem.length)).toBe(problem);
  });

  it("reports all mistakes at once", () => {
    expect(
      problems({
        namespace: "TEST",
        tickMs: 1,
        targets: [{ ...TARGET, port: 0, signals: [{ metric: "a", target: 0 }] }],
      }),
    ).toHaveLength(4);
  });

  it.each<[string, Record<string, string>, string]>([
    [
      "a missing API server address",
      { KUBERNETES_SERVICE_HOST: "" },
      "neither KUBERNETES_API_URL nor KUBERNETES_SERVICE_HOST is set, expected the address of the Kubernetes API",
    ],
    [
      "an API server address that is not a URL",
      { KUBERNETES_API_URL: "kube" },
      'KUBERNETES_API_URL is "kube", expected https://host:port',
    ],
    ["a port that is not a number", { PORT: "x" }, 'PORT is "x", expected a whole number from 0'],
    ["a missing configuration", { SCALER_CONFIG: "" }, "SCALER_CONFIG is not set, expected the targets as JSON"],
  ])("refuses %s", (_, more, problem) => {
    expect(problems(withTarget({}), more)).toEqual([problem]);
  });
});
