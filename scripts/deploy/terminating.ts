/** Finds namespaces that Kubernetes is deleting, and why their deletion does not finish. */
import type { Kube, KubeObject } from "../cluster/kubectl";
import { Failure } from "../terminal/ui";
import { removeOrphanedApis } from "./orphans";

/** Time after which a blocked deletion is reported, in ms; most deletions are blocked for only seconds. */
const PATIENCE_MS = 20_000;

/** Kubernetes cannot list a namespace's objects, because the server of an API does not respond. */
const BLOCKED_BY_API = "NamespaceDeletionDiscoveryFailure";

/** Conditions of a namespace that is being deleted, and what to do about them, with the most informative first. */
const REASONS: readonly (readonly [type: string, next: string])[] = [
  [
    BLOCKED_BY_API,
    "Kubernetes cannot list the namespace's objects, because an API does not respond. It may not be part of this project: kubectl get apiservices | grep False. Repair its server, or delete the APIService if the server no longer exists.",
  ],
  ["NamespaceDeletionGroupVersionParsingFailure", "See: kubectl get apiservices"],
  [
    "NamespaceFinalizersRemaining",
    `The controller of these objects must run to remove their finalizers. If the controller no longer exists, remove the finalizers yourself: kubectl patch KIND NAME --type=merge -p '{"metadata":{"finalizers":null}}'`,
  ],
  [
    "NamespaceDeletionContentFailure",
    "The cause is often a webhook whose server no longer exists: kubectl get validatingwebhookconfigurations",
  ],
  ["NamespaceContentRemaining", "See: kubectl get KIND -o yaml"],
];

export interface Terminating {
  readonly name: string;
  /** What blocks the deletion, in Kubernetes' words; undefined while no reason is reported. */
  readonly reason: string | undefined;
  /** What to do. */
  readonly next: string | undefined;
  /** Kubernetes' condition; undefined while no reason is reported. */
  readonly type: string | undefined;
}

/** What is known about a namespace's deletion; undefined if the namespace is not being deleted. */
export function terminating(namespace: KubeObject): Terminating | undefined {
  const { name, deletionTimestamp } = namespace.metadata;
  if (!deletionTimestamp && namespace.status?.phase !== "Terminating") return undefined;
  for (const [type, next] of REASONS) {
    const found = namespace.status?.conditions?.find((c) => c.type === type && c.status === "True");
    if (found) return { name, reason: found.message ?? found.reason ?? type, next, type };
  }
  return { name, reason: undefined, next: undefined, type: undefined };
}

export const textOf = ({ name, reason, next }: Terminating): string =>
  `namespace ${name} is not deleted yet: ${reason ?? "no reason given"}${next ? `\n    ${next}` : ""}`;

/** Those of the named namespaces that are being deleted. */
export async function terminatingOf(kube: Kube, names: readonly string[]): Promise<readonly Terminating[]> {
  const found = await Promise.all(names.map((name) => kube.visible("namespace", name)));
  return found.flat().flatMap((namespace) => terminating(namespace) ?? []);
}

/** Reports what blocks the deletion of namespaces, each reason once. */
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
      const removed = one.type === BLOCKED_BY_API ? await removeOrphanedApis(this.kube) : [];
      if (removed.length) {
        this.report(`removed ${removed.join(", ")}: a killed run left these APIs behind without a server`);
        continue;
      }
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
 * Checks that every aggregated API responds; until all of them do, no namespace can be deleted.
 * @throws Failure if one does not
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
    `not responding: ${dead.join("; ")}. Until it responds, Kubernetes cannot delete any namespace, so \`npm run down\` would not finish.`,
    "Repair its server, or delete the APIService if the server no longer exists: kubectl delete apiservice NAME",
  );
}
