import { DASHBOARDS } from "../../../dashboards";
import { dashboardFigures, legendOf, withVariables } from "../../../scripts/toolbox/dashboard-figures";

const overview = DASHBOARDS[0]!;

describe("what a dashboard shows", () => {
  it("is asked with its variables at all", () => {
    expect(withVariables('up{namespace="$namespace", pod=~"$pod", instance=~"$instance"}', "ns")).toBe(
      'up{namespace="ns", pod=~".*", instance=~".*"}',
    );
  });
  it("is named by its labels", () => {
    expect(legendOf("{{pod}} {{ state }}", { pod: "react-1", state: "waiting" })).toBe("react-1 waiting");
    expect(legendOf("main ({{reason}})", {})).toBe("main ()");
  });
  it("is asked query by query, over the whole time, no finer than the monitors look", async () => {
    const asked: string[] = [];
    const figures = await dashboardFigures(
      (query) => {
        asked.push(decodeURIComponent(query.replaceAll("+", " ")));
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
    expect(asked).toHaveLength(queries.length);
    for (const query of asked) expect(query).toMatch(/^query_range\?query=.*&start=1000&end=1600&step=10$/);
    expect(figures.rows.map((r) => r.panels.length)).toEqual(overview.rows.map((r) => r.panels.length));
    expect(figures.rows[0]!.panels[0]!.series[0]!.points).toEqual([
      [1000, 1.5],
      [1060, null],
    ]);
  });
});
