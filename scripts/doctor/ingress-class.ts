/** Which Ingress controller will serve the page. */
import type { Config } from "../../config";
import type { Kube, KubeObject } from "../cluster/kubectl";
import { amongOthers, defaultClasses } from "../cluster/default-class";
import { Failure } from "../terminal/ui";

/** Annotation that controllers used before IngressClasses existed, and that GKE's controller still uses. */
const OLD_CLASS = "kubernetes.io/ingress.class";

const controllerOf = (found: KubeObject): string => {
  const controller = found.spec?.["controller"];
  return `IngressClass ${found.metadata.name}${typeof controller === "string" ? `, of ${controller}` : ""}`;
};

/** @throws Failure that lists the existing classes, if no controller would serve our Ingress */
export async function checkIngressClass({ exposure }: Config, kube: Kube): Promise<string> {
  const classes = await kube.visible("ingressclass");
  if (kube.forbidden.has("ingressclass")) return "unknown: this user may not list IngressClasses";
  const names = classes.map((c) => c.metadata.name).join(", ");
  const choose = names
    ? `Set exposure.ingressClass to one of: ${names}`
    : "Install an Ingress controller, or set exposure.type to LoadBalancer or NodePort";
  const wanted = exposure.ingressClass;
  if (wanted !== undefined) {
    const found = classes.find((c) => c.metadata.name === wanted);
    if (found) return controllerOf(found);
    throw new Failure(`There is no IngressClass ${wanted}, so no controller would serve the page.`, choose);
  }
  const old = exposure.annotations[OLD_CLASS];
  if (old !== undefined) return `${old}, by annotation`;
  const [first, ...others] = defaultClasses(classes, "ingressclass.kubernetes.io/is-default-class");
  if (!first) {
    throw new Failure(
      "The cluster has no default IngressClass and exposure.ingressClass is not set: most controllers ignore an Ingress without a class.",
      `${choose}. GKE serves it all the same.`,
    );
  }
  return `${controllerOf(first)}${amongOthers(others, "exposure.ingressClass")}`;
}
