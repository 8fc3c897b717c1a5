import { signals } from "../../../modules/autoscaling/signals";
import { testConfig } from "../../helpers/layers";

describe("signals", () => {
  it("reaches pods on the port that they listen on, and on their path", () => {
    const config = testConfig({
      scaling: { engine: "keda" },
      images: { node: { port: 4000, metricsPath: "/m" } },
    });
    for (const { url } of signals(config, "ns").node) expect(url).toBe("http://node.ns.svc:4000/m");
  });
});
