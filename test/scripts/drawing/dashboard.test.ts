import { execFileSync } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { PROJECT_ROOT } from "../../../catalog/paths";
import type { DrawnDashboard } from "../../../scripts/toolbox/dashboard-figures";

it("a dashboard's picture shows each panel with its title, figures and lines, or states that the panel has no data", () => {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), "iacproject-dashboard-"));
  const wave = (name: string, height: number) => ({
    name,
    points: Array.from({ length: 60 }, (_, i) => [1000 + i * 10, height * (1 + Math.sin(i / 5))] as const),
  });
  const figures: DrawnDashboard = {
    title: "Some dashboard",
    description: "What it is for.",
    from: 1000,
    to: 1600,
    rows: [
      {
        title: "Now",
        panels: [
          { kind: "stat", title: "Good", unit: "percentunit", series: [{ name: "x", points: [[1600, 0.999]] }] },
          { kind: "stat", title: "Empty", unit: "s", series: [] },
        ],
      },
      {
        title: "Over time",
        panels: [
          { kind: "timeseries", title: "Waves", unit: "s", width: 12, series: [wave("low", 0.1), wave("high", 0.4)] },
          { kind: "timeseries", title: "Limited", unit: "bytes", limit: { at: 5e6 }, series: [wave("memory", 3e6)] },
        ],
      },
    ],
  };
  fs.writeFileSync(path.join(dir, "figures.json"), JSON.stringify(figures));
  const script = path.join(PROJECT_ROOT, "scripts", "drawing", "dashboard.ts");
  execFileSync(
    process.execPath,
    ["--import", "tsx", script, path.join(dir, "figures.json"), path.join(dir, "picture")],
    { cwd: PROJECT_ROOT },
  );
  const svg = fs.readFileSync(path.join(dir, "picture.svg"), "utf8");
  for (const words of ["Some dashboard", "Now", "Good", "99.9 %", "no data", "Waves", "high", "MiB"])
    expect(svg).toContain(words);
  expect(fs.statSync(path.join(dir, "picture.png")).size).toBeGreaterThan(20_000);
  fs.rmSync(dir, { recursive: true });
});
