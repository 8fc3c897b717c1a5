import { signals } from "../../../modules/autoscaling/signals";
import { testConfig } from "../../helpers/layers";

describe("signals", () => {
  it("signals are read on the configured port and path", () => {
    const config = testConfig({
      scaling: { engine: "keda" },
      images: { node: { port: 4000, metricsPath: "/m" } },
    });
    for (const { url } of signals(config, "ns").node) expect(url).toBe("http://node.ns.svc:4000/m");
  });
});
