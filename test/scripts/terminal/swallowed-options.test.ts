import { checkSwallowedOptions, swallowedOptions } from "../../../scripts/terminal/swallowed-options";

const LOAD = [
  { flags: "--profile <shape>", long: "--profile" },
  { flags: "--rate <number>", long: "--rate" },
  { flags: "--here", long: "--here" },
  { flags: "--yes", long: "--yes" },
];
const DOWN = [
  { flags: "--yes", long: "--yes" },
  { flags: "--keep-cluster", long: "--keep-cluster" },
];

describe("options that npm consumes because no two dashes precede them", () => {
  it("swallowed options stop the command before it does anything; the error shows how the command must be typed", () => {
    // what npm 11 passes on from `npm run load --rate 300 --here`
    const check = () =>
      checkSwallowedOptions("load", LOAD, ["300"], { npm_config_rate: "true", npm_config_here: "true" });
    expect(check).toThrow("npm took --rate, --here for itself");
    expect(check).toThrow(
      expect.objectContaining({ next: "Type: npm run load -- --rate <number> --here 300" }) as Error,
    );
    expect(() => checkSwallowedOptions("down", DOWN, [], { npm_config_keep_cluster: "true" })).toThrow(
      "--keep-cluster",
    );
  });
  it("options that may also be npm settings cause only a message", () => {
    const lines: string[] = [];
    const write = jest.spyOn(process.stderr, "write").mockImplementation((text) => Boolean(lines.push(String(text))));
    checkSwallowedOptions("down", DOWN, [], { npm_config_yes: "true" });
    write.mockRestore();
    expect(lines).toEqual([expect.stringContaining("To pass it: npm run down -- --yes\n")]);
  });
  it("swallowed options are found under the names that npm gives them", () => {
    const options = [
      { flags: "-f, --follow", long: "--follow" },
      { flags: "-p, --previous", long: "--previous" },
      { flags: "--verbose", long: "--verbose" },
    ];
    const env = { npm_config_force: "true", npm_config_parseable: "true", npm_config_loglevel: "verbose" };
    expect(swallowedOptions(options, [], env).possible.map((o) => o.long)).toEqual([
      "--follow",
      "--previous",
      "--verbose",
    ]);
    expect(swallowedOptions(options, [], { npm_config_loglevel: "silent" }).possible).toEqual([]);
  });
});

it("options that reach the command, npm's own settings and disabled settings are accepted", () => {
  const env = { npm_config_rate: "true", npm_config_yes: "", npm_config_here: "", npm_config_cache: "/root/.npm" };
  expect(swallowedOptions(LOAD, ["--rate", "300"], env)).toEqual({ certain: [], possible: [] });
  expect(swallowedOptions(LOAD, ["--rate=300"], env)).toEqual({ certain: [], possible: [] });
});
