import { inStep, PROGRESS_MS, table } from "../../../scripts/terminal/ui";

it("tables align their columns, with or without colours", () => {
  expect(
    table([
      ["a", "b"],
      ["\u001b[32mlong\u001b[39m", "c"],
    ]),
  ).toBe("a     b\n\u001b[32mlong\u001b[39m  c");
});

describe("a step without a terminal", () => {
  const lines: string[] = [];
  beforeEach(() => {
    jest.useFakeTimers();
    lines.length = 0;
    jest.spyOn(process.stdout, "write").mockImplementation((text) => {
      lines.push(String(text).trimEnd());
      return true;
    });
  });
  afterEach(() => {
    jest.restoreAllMocks();
    jest.useRealTimers();
  });

  it("prints its progress at least every 15 s, and prints nothing after it has ended", async () => {
    let end!: (text: string) => void;
    const step = inStep("ready", (s) => {
      s.doing("waiting for redis-main 0/1");
      return new Promise((resolve) => (end = resolve));
    });
    expect(PROGRESS_MS).toBeLessThanOrEqual(15_000);
    jest.advanceTimersByTime(15_000);
    expect(lines).toEqual([expect.stringMatching(/^ {2}ready +15\.0 s {2}waiting for redis-main 0\/1$/)]);
    jest.advanceTimersByTime(30_000);
    expect(lines).toHaveLength(3);
    end("6 workloads");
    await step;
    jest.advanceTimersByTime(60_000);
    expect(lines).toHaveLength(4);
    expect(lines.at(-1)).toMatch(/✓ ready +45\.0 s {2}6 workloads/);
  });
});
