import type { Json } from "./layers";

/** An object's pod spec, if its kind has one; operator resources are excluded. */
export function podSpecOf(object: Json): Json | undefined {
  switch (object["kind"]) {
    case "Deployment":
    case "StatefulSet":
    case "DaemonSet":
    case "Job":
      return object["spec"].template.spec as Json;
    case "Pod":
      return object["spec"] as Json;
    default:
      return undefined;
  }
}

export const containersOf = (spec: Json): Json[] => [...(spec["initContainers"] ?? []), ...spec["containers"]];

/** Violations of the project's rules for containers. */
export function faults(spec: Json, container: Json): string[] {
  const pod = spec["securityContext"] ?? {};
  const own = container["securityContext"] ?? {};
  const found: string[] = [];
  if (!container["resources"]?.requests?.cpu) found.push("no CPU request");
  if (!container["resources"]?.requests?.memory) found.push("no memory request");
  const nonRoot = own.runAsNonRoot ?? pod.runAsNonRoot;
  if (!nonRoot || (own.runAsUser ?? pod.runAsUser) === 0) found.push("may run as root");
  if (!own.readOnlyRootFilesystem) found.push("root filesystem not read-only");
  // the other requirements of Pod Security restricted
  if (own.allowPrivilegeEscalation !== false) found.push("may gain privileges");
  if (!own.capabilities?.drop?.includes("ALL")) found.push("keeps capabilities");
  if (!["RuntimeDefault", "Localhost"].includes(own.seccompProfile?.type ?? pod.seccompProfile?.type))
    found.push("no seccomp profile");
  return found;
}

/** Whether an image has a digest, or a version tag with at least two numbers. */
export const isExact = (image: string): boolean => /@sha256:[0-9a-f]{64}$|:v?\d+\.\d+(\.\d+)?[\w.-]*$/.test(image);
