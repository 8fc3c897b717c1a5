import { configSchema, type ConfigError } from "../../../config";
import { testConfig } from "../../helpers/layers";

describe("scaling settings that are refused", () => {
  const refused = (over: object) => {
    try {
      testConfig(over);
    } catch (error) {
      return (error as ConfigError).problems;
    }
    return [];
  };
  it.each([
    [{ scaling: { node: { requestsPerPod: 0 } } }, /scaling\.node\.requestsPerPod: 0 is not accepted/],
    [{ scaling: { node: { eventLoopPercent: 120 } } }, /scaling\.node\.eventLoopPercent: 120 .*at most 100/],
    [{ scaling: { node: { min: 5, max: 3 } } }, /scaling\.node\.min: 5 .*must not be above max \(3\)/],
    [{ scaling: { exporter: { min: 4 } } }, /scaling\.exporter\.min: 4 .*must not be above max \(3\)/],
    [{ scaling: { replicas: { min: 1 } } }, /reads survive the loss of one replica/],
    [
      { scaling: { engine: "keda", replicas: { clientsPerPod: 11 } } },
      /clientsPerPod: 11 .*above scaling\.node\.max \+ 1 \(11\)/,
    ],
    [{ scaling: { engine: "keda" }, images: { node: { metricsPath: null } } }, /needs images\.node\.metricsPath/],
    [{ scaling: { engine: "keda" }, namespaces: { keda: "monitoring" } }, /namespaces\.keda: .*must differ/],
    [{ node: { resources: { cpu: "0m" } } }, /node\.resources\.cpu: "0m" .*above 0/],
  ])("%j", (over, reason) => expect(refused(over).join("\n")).toMatch(reason));
  it("accepts a setting that the engine does not use", () => {
    expect(refused({ scaling: { replicas: { clientsPerPod: 3 } } })).toEqual([]);
    expect(configSchema.safeParse({}).success).toBe(true);
  });
});
