import { Kube } from "../../../scripts/cluster/kubectl";
import { checkIngressClass } from "../../../scripts/doctor/ingress-class";
import { RunError } from "../../../scripts/terminal/run-program";
import { testConfig } from "../../helpers/layers";
import { recorder } from "../../helpers/recorder";

const ingressClass = (name: string, isDefault = false, day = 1) => ({
  kind: "IngressClass",
  metadata: {
    name,
    creationTimestamp: `2025-01-0${day}T00:00:00Z`,
    annotations: isDefault ? { "ingressclass.kubernetes.io/is-default-class": "true" } : {},
  },
  spec: { controller: `example.com/${name}` },
});
const check = (exposure: object, ...items: object[]) => {
  const config = testConfig({ exposure: { type: "Ingress", host: "page.example.com", ...exposure } });
  const { run } = recorder([[/get ingressclass/, JSON.stringify({ items })]]);
  return checkIngressClass(config, new Kube(config, run));
};

describe("the IngressClass", () => {
  it("a configured IngressClass must exist; the error lists the existing ones", async () => {
    await expect(check({ ingressClass: "nginx" }, ingressClass("traefik"))).rejects.toMatchObject({
      message: expect.stringContaining("no IngressClass nginx"),
      next: "Set exposure.ingressClass to one of: traefik",
    });
    await expect(check({ ingressClass: "traefik" }, ingressClass("traefik"))).resolves.toBe(
      "IngressClass traefik, of example.com/traefik",
    );
  });
  it("without a configured IngressClass there must be a default one; otherwise no controller serves the page", async () => {
    await expect(check({}, ingressClass("nginx"))).rejects.toMatchObject({
      message: expect.stringContaining("no default IngressClass"),
      next: expect.stringContaining("one of: nginx"),
    });
    await expect(check({})).rejects.toMatchObject({ next: expect.stringContaining("Install an Ingress controller") });
    await expect(check({}, ingressClass("nginx", true))).resolves.toMatch(/^IngressClass nginx/);
  });
  it("the default IngressClass is the newest one if there are several, as in Kubernetes", async () => {
    await expect(check({}, ingressClass("nginx", true, 1), ingressClass("alb", true, 2))).resolves.toMatch(
      /^IngressClass alb, .*others are nginx: exposure\.ingressClass/,
    );
  });
  it("the IngressClass may be set by the annotation that older controllers use; it is unknown if the user may not list classes", async () => {
    await expect(check({ annotations: { "kubernetes.io/ingress.class": "gce" } })).resolves.toBe("gce, by annotation");
    const config = testConfig();
    const denied = new RunError("kubectl", 1, "Error from server (Forbidden)", "denied");
    await expect(
      checkIngressClass(config, new Kube(config, recorder([[/ingressclass/, denied]]).run)),
    ).resolves.toMatch(/^unknown/);
  });
});
