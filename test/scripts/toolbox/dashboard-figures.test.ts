import { DASHBOARDS } from "../../../dashboards";
import { dashboardFigures, legendOf, withVariables } from "../../../scripts/toolbox/dashboard-figures";

const overview = DASHBOARDS[0]!;

describe("a dashboard's figures", () => {
  it("are queried with all variables replaced", () => {
    expect(withVariables('up{namespace="$namespace", pod=~"$pod", instance=~"$instance"}', "ns")).toBe(
      'up{namespace="ns", pod=~".*", instance=~".*"}',
    );
  });
  it("are named by their labels", () => {
    expect(legendOf("{{pod}} {{ state }}", { pod: "react-1", state: "waiting" })).toBe("react-1 waiting");
    expect(legendOf("main ({{reason}})", {})).toBe("main ()");
  });
  it("figures are queried one by one, over the whole time range, with a step no shorter than the scrape interval", async () => {
    const queried: string[] = [];
    const figures = await dashboardFigures(
      (query) => {
        queried.push(decodeURIComponent(query.replaceAll("+", " ")));
        const values = [
          [1000, "1.5"],
          [1060, "NaN"],
        ];
        return Promise.resolve({ result: [{ metric: { objective: "latency" }, values }] });
      },
      overview,
      "ns",
      1000,
      1600,
    );
    const queries = overview.rows.flatMap((r) => r.panels.flatMap((p) => p.queries));
    expect(queried).toHaveLength(queries.length);
    for (const query of queried) expect(query).toMatch(/^query_range\?query=.*&start=1000&end=1600&step=10$/);
    expect(figures.rows.map((r) => r.panels.length)).toEqual(overview.rows.map((r) => r.panels.length));
    expect(figures.rows[0]!.panels[0]!.series[0]!.points).toEqual([
      [1000, 1.5],
      [1060, null],
    ]);
  });
});
