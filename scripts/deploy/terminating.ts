/** Namespaces that Kubernetes is deleting, and why it does not finish. */
import type { Kube, KubeObject } from "../cluster/kubectl";
import { Failure } from "../terminal/ui";

/** Time after which a deletion that has a reason is reported, ms: most reasons last only seconds. */
const PATIENCE_MS = 20_000;

/** Conditions of a namespace that is being deleted, and what to do about them, the most telling first. */
const REASONS: readonly (readonly [type: string, next: string])[] = [
  [
    "NamespaceDeletionDiscoveryFailure",
    "An API that does not answer keeps Kubernetes from listing the namespace's objects. It need not be one of ours: kubectl get apiservices | grep False. Repair its server, or delete the APIService if the server no longer exists.",
  ],
  ["NamespaceDeletionGroupVersionParsingFailure", "See: kubectl get apiservices"],
  [
    "NamespaceFinalizersRemaining",
    `Their controller must run to remove the finalizers. If it no longer exists, remove them: kubectl patch KIND NAME --type=merge -p '{"metadata":{"finalizers":null}}'`,
  ],
  [
    "NamespaceDeletionContentFailure",
    "Often a webhook whose server no longer exists: kubectl get validatingwebhookconfigurations",
  ],
  ["NamespaceContentRemaining", "See: kubectl get KIND -o yaml"],
];

export interface Terminating {
  readonly name: string;
  /** What keeps it, in Kubernetes' words; undefined while there is no reason. */
  readonly reason: string | undefined;
  /** What to do. */
  readonly next: string | undefined;
}

/** Undefined for a namespace that is not being deleted. */
export function terminating(namespace: KubeObject): Terminating | undefined {
  const { name, deletionTimestamp } = namespace.metadata;
  if (!deletionTimestamp && namespace.status?.phase !== "Terminating") return undefined;
  for (const [type, next] of REASONS) {
    const found = namespace.status?.conditions?.find((c) => c.type === type && c.status === "True");
    if (found) return { name, reason: found.message ?? found.reason ?? type, next };
  }
  return { name, reason: undefined, next: undefined };
}

export const textOf = ({ name, reason, next }: Terminating): string =>
  `namespace ${name} is not deleted yet: ${reason ?? "no reason given"}${next ? `\n    ${next}` : ""}`;

/** The namespaces of these names that are being deleted. */
export async function terminatingOf(kube: Kube, names: readonly string[]): Promise<readonly Terminating[]> {
  const found = await Promise.all(names.map((name) => kube.visible("namespace", name)));
  return found.flat().flatMap((namespace) => terminating(namespace) ?? []);
}

/** Reports what keeps namespaces from being deleted, each reason once. */
export class DeletionReport {
  private readonly since = new Map<string, number>();
  private readonly reported = new Set<string>();

  constructor(
    private readonly kube: Kube,
    private readonly namespaces: readonly string[],
    private readonly report: (text: string) => void,
  ) {}

  /** Looks once. */
  async look(now = Date.now()): Promise<void> {
    for (const one of await terminatingOf(this.kube, this.namespaces)) {
      if (one.reason === undefined) continue;
      // the message counts objects, so it changes; the advice does not
      const key = `${one.name} ${one.next}`;
      if (!this.since.has(key)) this.since.set(key, now);
      if (now - this.since.get(key)! < PATIENCE_MS || this.reported.has(key)) continue;
      this.reported.add(key);
      this.report(textOf(one));
    }
  }
}

/**
 * While the API of another server does not answer, no namespace can be deleted.
 * @throws Failure if there is such an API
 */
export async function checkApis(kube: Kube): Promise<string> {
  const services = await kube.visible("apiservices");
  if (kube.forbidden.has("apiservices")) return "unknown: this user may not list APIServices";
  const dead = services.flatMap(({ metadata, spec, status }) => {
    const available = status?.conditions?.find((c) => c.type === "Available");
    if (available?.status !== "False") return [];
    const server = spec?.service ? `, served by ${spec.service.namespace}/${spec.service.name}` : "";
    return [`${metadata.name}${server} (${available.message ?? available.reason ?? "no reason given"})`];
  });
  if (!dead.length) return "all respond";
  throw new Failure(
    `not responding: ${dead.join("; ")}. Until it does, Kubernetes deletes no namespace, so \`npm run down\` would not finish.`,
    "Repair its server, or delete the APIService if the server no longer exists: kubectl delete apiservice NAME",
  );
}
