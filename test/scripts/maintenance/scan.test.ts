import {
  auditFindings,
  checkovFindings,
  kubeconformFindings,
  kubeScoreFindings,
  unaccepted,
  withLocalReferences,
} from "../../../scripts/maintenance/scan";

const finding = (check: string) => ({ check, where: "a", what: "b" });

describe("a scanner's findings", () => {
  it("findings count unless they are accepted; accepted findings that no longer occur are reported", () => {
    const answers = { A1: "a reason", A2: "an old reason" };
    expect(unaccepted([finding("A1"), finding("B1")], answers)).toEqual({ open: [finding("B1")], idle: ["A2"] });
    expect(unaccepted([finding("A1"), finding("A1")], { A1: "a reason" })).toEqual({ open: [], idle: [] });
  });
  it("findings are checkov's failed checks, from one or several reports", () => {
    const failed = { check_id: "CKV_K8S_1", check_name: "No root", resource: "Pod.a.b" };
    const report = { results: { failed_checks: [failed] } };
    const found = [{ check: "CKV_K8S_1", where: "Pod.a.b", what: "No root" }];
    expect(checkovFindings(JSON.stringify(report))).toEqual(found);
    expect(checkovFindings(JSON.stringify([report, { results: { failed_checks: [] } }]))).toEqual(found);
    // if there is nothing to check, checkov prints no results
    expect(checkovFindings(JSON.stringify({ passed: 0 }))).toEqual([]);
  });
  it("findings are kube-score's critical ones, not its hints", () => {
    const check = (id: string, grade: number, skipped = false) => ({
      check: { id, name: id },
      grade,
      skipped,
      comments: [{ summary: `about ${id}` }],
    });
    const object = {
      object_name: "Pod/a",
      checks: [check("bad", 1), check("hint", 5), check("fine", 10), check("no", 1, true)],
    };
    expect(kubeScoreFindings(JSON.stringify([object, { object_name: "b", checks: null }]))).toEqual([
      { check: "bad", where: "Pod/a", what: "about bad" },
    ]);
  });
  it("findings are the objects that kubeconform reports as invalid, with the reason", () => {
    const text = JSON.stringify({
      resources: [{ filename: "/x/service.yaml", status: "statusInvalid", msg: "clusterIp" }],
    });
    expect(kubeconformFindings(text)).toEqual([{ check: "statusInvalid", where: "service.yaml", what: "clusterIp" }]);
    expect(kubeconformFindings("{}")).toEqual([]);
  });
  it("findings are npm packages with a vulnerability of moderate severity or higher; a registry error is reported", () => {
    const entry = (name: string, severity: string) => ({ name, severity, range: "<2" });
    const vulnerabilities = { a: entry("a", "low"), b: entry("b", "high") };
    expect(auditFindings(JSON.stringify({ vulnerabilities }), "images/node")).toEqual([
      { check: "b <2", where: "images/node", what: "high" },
    ]);
    expect(() => auditFindings(JSON.stringify({ message: "405 Method Not Allowed" }), ".")).toThrow("405");
  });
});

it("a schema refers to the file next to it", () => {
  const schema = {
    $id: "https://somewhere.example/a",
    properties: { spec: { $ref: "/api/_definitions.json#/$defs/S" } },
  };
  expect(JSON.parse(withLocalReferences(JSON.stringify(schema)))).toEqual({
    properties: { spec: { $ref: "_definitions.json#/$defs/S" } },
  });
});
