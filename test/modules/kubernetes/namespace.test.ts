import { resources, synthesize } from "../../helpers/layers";

it("the namespace enforces Pod Security restricted", () => {
  expect(
    resources({ data: synthesize().data }, "kubernetes_namespace_v1")[0]!.body["metadata"].labels[
      "pod-security.kubernetes.io/enforce"
    ],
  ).toBe("restricted");
});

it("an existing namespace is used, not created", () => {
  const { data: existing } = synthesize({ namespaces: { create: false } });
  expect(resources({ data: existing }, "kubernetes_namespace_v1")).toEqual([]);
  expect(existing["output"].namespace.value).toBe("iacproject");
});
