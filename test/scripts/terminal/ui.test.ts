import { table } from "../../../scripts/terminal/ui";

it("tables align their columns, with or without colours", () => {
  expect(
    table([
      ["a", "b"],
      ["\u001b[32mlong\u001b[39m", "c"],
    ]),
  ).toBe("a     b\n\u001b[32mlong\u001b[39m  c");
});
