import { monitoringValues as values, type Json } from "../../helpers/layers";

describe("monitors", () => {
  it("scrape each Redis pod through the exporter, by name", () => {
    const redis = values()["prometheus"].additionalServiceMonitors.find((m: Json) => m["name"] === "iacproject-redis");
    const [endpoint] = redis.endpoints;
    expect(endpoint.path).toBe("/scrape");
    expect(endpoint.relabelings).toContainEqual(
      expect.objectContaining({ targetLabel: "__param_target", replacement: "redis://$1:6379" }),
    );
  });
  it("skip an image without metrics", () => {
    const names = values({ images: { node: { metricsPath: null } } })["prometheus"].additionalServiceMonitors.map(
      (m: Json) => m["name"],
    );
    expect(names).not.toContain("iacproject-node");
    expect(names).toContain("iacproject-react");
  });
});
