import { execFileSync } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { PROJECT_ROOT } from "../../../catalog/paths";
import type { Load, Sample } from "../../../scripts/load/samples";

describe("the chart of a load", () => {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), "iacproject-load-"));
  afterAll(() => fs.rmSync(dir, { recursive: true }));
  const sample = (second: number, more: Partial<Sample> = {}): Sample => ({
    second,
    asked: 100,
    answered: 98,
    refused: 0,
    failed: 0,
    dropped: 0,
    p50: 3,
    p99: 20,
    pods: { node: { ready: 2, wanted: 3 }, react: { ready: 2, wanted: 2 } },
    ...more,
  });
  const drawn = (samples: Sample[]): { svg: string; png: Buffer } => {
    const load: Load = {
      shape: { profile: "step", rate: 400, base: 40, seconds: 10 },
      target: "http://x",
      writes: 10,
      startedAt: "2026-11-22T12:00:00.000Z",
      samples,
      totals: { answered: 980, refused: 0, failed: 0, dropped: 0, buckets: [] },
    };
    const base = path.join(dir, "load");
    fs.writeFileSync(`${base}.json`, JSON.stringify(load));
    const script = path.join(PROJECT_ROOT, "scripts", "drawing", "load.ts");
    execFileSync(process.execPath, ["--import", "tsx", script, `${base}.json`, base], { cwd: PROJECT_ROOT });
    return { svg: fs.readFileSync(`${base}.svg`, "utf8"), png: fs.readFileSync(`${base}.png`) };
  };
  it("shows load, latency and pods, and shows errors only if there were any", () => {
    const { svg, png } = drawn(Array.from({ length: 10 }, (_, i) => sample(i + 1)));
    for (const text of ["Requests per second", "Latency, ms", "Ready pods", "980 answered", "node", "react"])
      expect(svg).toContain(text);
    expect(svg).not.toContain("refused (503)");
    expect(png.subarray(1, 4).toString()).toBe("PNG");
    // not blank: text and lines take space
    expect(png.length).toBeGreaterThan(20_000);
    expect(drawn([sample(1, { failed: 3, refused: 2 })]).svg).toMatch(/refused \(503\)[^]*failed/);
  });
});
