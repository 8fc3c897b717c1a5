import {
  canonicalQuantity,
  mebibytes,
  millicores,
  parseQuantity,
  withCanonicalQuantities,
} from "../../../modules/kubernetes/quantity";
import { random } from "../../helpers/random";
import { resources, synthesize, workload, type Json } from "../../helpers/layers";

describe("a quantity", () => {
  it.each([
    ["100m", 0.1],
    ["2", 2],
    ["0.5", 0.5],
    ["1Ki", 1024],
    ["1.5Gi", 1.5 * 2 ** 30],
    ["1G", 1e9],
    ["1e3", 1000],
    ["1Pi", 2 ** 50],
  ])("%s is a number", (text, value) => expect(parseQuantity(text)).toBeCloseTo(value, 9));
  it("is refused if its format is wrong", () => {
    for (const text of ["", ".", "Mi", "1 Gi", "-1", "1X", "1mi", "1e", "1e99", "1Gi2"])
      expect(() => parseQuantity(text)).toThrow("is not a Kubernetes quantity");
  });
  it("is rounded up, without floating-point errors", () => {
    expect([millicores(0.1 + 0.2), millicores(0.0001), mebibytes(2 ** 20 + 1)]).toEqual(["300m", "1m", "2Mi"]);
  });
});

/**
 * Keys: possible spellings. Values: an API server's canonical form (k8s.io/apimachinery 0.35: ParseQuantity, RoundUp,
 * canonical).
 */
const CANONICAL = {
  "0.1": "100m",
  "1024Mi": "1Gi",
  "1000m": "1",
  "1.5": "1500m",
  "1.5Gi": "1536Mi",
  "2.5Gi": "2560Mi",
  "0.5Mi": "512Ki",
  "0.5Ki": "512",
  "1023Ki": "1023Ki",
  "1000Ki": "1000Ki",
  "2048k": "2048k",
  "2000M": "2G",
  "1000000": "1M",
  "1024": "1024",
  "0.3Gi": "322122547200m",
  "0.1Mi": "104857600m",
  "1.1Ki": "1126400m",
  "0.0001": "1m",
  "0.5m": "1m",
  "1n": "1m",
  "00.10": "100m",
  "0Mi": "0",
  "1e3": "1e3",
  "12e5": "1200e3",
  "1e1": "10",
  "100e-3": "100e-3",
  "9e19": "90e18",
  "12E": "12E",
  "20Ei": "9223372036854775807",
} as const;

describe("the canonical form of a quantity", () => {
  it.each(Object.entries(CANONICAL))("the canonical form of %s is %s, as in the API server", (text, canonical) =>
    expect(canonicalQuantity(text)).toBe(canonical),
  );
  it("the canonical form has the same value as the original spelling, is stable, and is the shortest one", () => {
    const draw = random(20251126);
    const between = (least: number, most: number) => least + Math.floor(draw() * (most - least + 1));
    const units = ["m", "", "k", "M", "G", "T", "Ki", "Mi", "Gi", "Ti"];
    for (let i = 0; i < 3000; i++) {
      const digits = String(between(1, 10 ** between(1, 6)));
      const fraction = between(0, 1) ? "" : `.${String(between(0, 999)).padStart(3, "0")}`;
      const text = digits + fraction + units[between(0, units.length - 1)]!;
      const canonical = canonicalQuantity(text);
      expect({ text, value: parseQuantity(canonical) }).toEqual({ text, value: parseQuantity(text) });
      expect({ text, again: canonicalQuantity(canonical) }).toEqual({ text, again: canonical });
      const [, number, unit] = /^(\d+)([a-zA-Z]*)$/.exec(canonical)!;
      const factor = unit!.endsWith("i") ? 1024 : 1000;
      expect({ text, dividesFurther: Number(number) % factor === 0 }).toEqual({ text, dividesFurther: false });
    }
  });
});

it("only an object's requests, limits and volume sizes are treated as quantities", () => {
  const object = {
    rules: [{ resources: ["pods"] }],
    resources: { requests: { cpu: "0.1" }, limits: { memory: "1024Mi" }, claims: [{ name: "1024Mi" }] },
    volumes: [{ emptyDir: { sizeLimit: "2048Ki" } }],
    command: ["--limit", "1024Mi"],
  };
  expect(withCanonicalQuantities(object)).toEqual({
    rules: [{ resources: ["pods"] }],
    resources: { requests: { cpu: "100m" }, limits: { memory: "1Gi" }, claims: [{ name: "1024Mi" }] },
    volumes: [{ emptyDir: { sizeLimit: "2Mi" } }],
    command: ["--limit", "1024Mi"],
  });
});

describe("every written object", () => {
  const odd = { cpu: "0.1", memory: "64Mi", memoryLimit: "1024Mi", cpuLimit: "1000m" };
  const settings = {
    redis: {
      ...{ main: odd, replica: odd, sentinel: odd, exporter: odd, storage: "2048Mi", durability: "ha" },
      backup: { schedule: "0 3 * * *", storage: "2048Mi" },
    },
    node: { resources: odd },
    react: { resources: odd },
  };
  const quantitiesIn = (value: unknown): string[] => {
    if (Array.isArray(value)) return value.flatMap(quantitiesIn);
    if (typeof value !== "object" || value === null) return [];
    return Object.entries(value).flatMap(([key, inside]) => {
      if (key === "sizeLimit") return [inside as string];
      if (!["requests", "limits"].includes(key)) return quantitiesIn(inside);
      return Object.values(inside as Record<string, string>);
    });
  };
  it("has canonical quantities, whatever the configuration's spelling", () => {
    const manifests = resources(synthesize(settings), "kubernetes_manifest").map((r) => r.body["manifest"] as Json);
    expect(new Set(manifests.map((m) => m["kind"]))).toEqual(new Set(["CronJob", "Deployment", "StatefulSet"]));
    const found = manifests.flatMap(quantitiesIn);
    expect(found.length).toBeGreaterThan(30);
    expect(found.filter((q) => canonicalQuantity(q) !== q)).toEqual([]);
    expect(found).toEqual(expect.arrayContaining(["100m", "64Mi", "1Gi", "1", "2Gi"]));
  });
  it("an object is the same for two spellings of a quantity, so changing the spelling does not restart the pods", () => {
    const node = (cpu: string) => workload(synthesize({ node: { resources: { cpu } } }), "node");
    expect(node("0.2")).toEqual(node("200m"));
  });
});
