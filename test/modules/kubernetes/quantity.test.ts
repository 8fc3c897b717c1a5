import { millicores, mebibytes, parseQuantity } from "../../../modules/kubernetes/quantity";

describe("a quantity", () => {
  it.each([
    ["100m", 0.1],
    ["2", 2],
    ["0.5", 0.5],
    ["1Ki", 1024],
    ["1.5Gi", 1.5 * 2 ** 30],
    ["1G", 1e9],
  ])("%s is a number", (text, value) => expect(parseQuantity(text)).toBeCloseTo(value, 9));
  it("in a wrong format is refused", () => {
    for (const text of ["", "Mi", "1 Gi", "-1", "1X"])
      expect(() => parseQuantity(text)).toThrow("is not a Kubernetes quantity");
  });
  it("is rounded up, without floating-point errors", () => {
    expect([millicores(0.1 + 0.2), millicores(0.0001), mebibytes(2 ** 20 + 1)]).toEqual(["300m", "1m", "2Mi"]);
  });
});
