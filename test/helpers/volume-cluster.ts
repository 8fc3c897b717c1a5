/**
 * A fake cluster for volume tests: main's StatefulSet, claims and ConfigMaps. It refuses the same changes as the API
 * server.
 */
import { parseQuantity } from "../../config";
import { RunError, type Run } from "../../scripts/terminal/run-program";
import type { Json } from "./layers";

export interface ClusterProps {
  /** Size in main's volumeClaimTemplate; null if there is no StatefulSet. @default 1Gi */
  readonly template?: string | null;
  /** Class in main's volumeClaimTemplate. @default none, which means the cluster's default class */
  readonly templateClass?: string;
  /** Claims and their sizes. @default main's, 1Gi */
  readonly claims?: Readonly<Record<string, string>>;
  /** Whether the storage class `standard` of every claim allows expansion. @default true */
  readonly expandable?: boolean;
  /** Phase of every claim. @default Bound */
  readonly phase?: string;
  /** How the driver handles an enlarged claim. @default it enlarges the volume */
  readonly driver?: (claim: Json) => void;
  /** Quota on requests.storage. */
  readonly quota?: { name: string; hard: string };
}

/** Thrown in place of running a command that the test interrupts. */
export class Killed extends Error {}

const refuse = (command: string, message: string): never => {
  throw new RunError(command, 1, `Error from server (Forbidden): ${message}`, `kubectl failed: ${message}`);
};
const FIELDS = [
  { manager: "terraform", operation: "Apply", fieldsV1: { "f:spec": {} } },
  { manager: "kube-controller-manager", operation: "Update", subresource: "status" },
];

const labelsOf = (name: string): Record<string, string> =>
  name.startsWith("data-redis-main")
    ? { "app.kubernetes.io/name": "redis-main", "app.kubernetes.io/part-of": "iacproject" }
    : name.startsWith("prometheus")
      ? { "operator.prometheus.io/name": "kube-prometheus-stack-prometheus" }
      : {};

export class VolumeCluster {
  /** The commands that changed something, in order. */
  readonly changes: string[] = [];
  readonly claims: Record<string, Json> = {};
  readonly configMaps: Record<string, Json> = {};
  set: Json | undefined;
  quota: ClusterProps["quota"];
  /** Number of changes after which the run is killed. */
  killAfter = Infinity;
  private uids = 0;

  constructor(private readonly props: ClusterProps = {}) {
    for (const [name, size] of Object.entries(props.claims ?? { "data-redis-main-0": "1Gi" })) {
      this.claims[name] = {
        kind: "PersistentVolumeClaim",
        metadata: { name, labels: labelsOf(name) },
        spec: { storageClassName: "standard", resources: { requests: { storage: size } } },
        status: { phase: props.phase ?? "Bound", capacity: { storage: size } },
      };
    }
    this.quota = props.quota;
    if (props.template !== null) {
      const storageClass = props.templateClass ? { storageClassName: props.templateClass } : {};
      this.set = this.born({
        apiVersion: "apps/v1",
        kind: "StatefulSet",
        metadata: { name: "redis-main", namespace: "iacproject", labels: { a: "b" }, managedFields: FIELDS },
        spec: {
          replicas: 1,
          template: {
            metadata: { annotations: { "kubectl.kubernetes.io/restartedAt": "yesterday" } },
            spec: { containers: [{ name: "redis", image: "x" }] },
          },
          volumeClaimTemplates: [
            {
              metadata: { name: "data" },
              spec: { ...storageClass, resources: { requests: { storage: props.template ?? "1Gi" } } },
              status: { phase: "Pending" },
            },
          ],
        },
        status: { readyReplicas: 1 },
      });
    }
  }

  private born(set: Json): Json {
    this.uids++;
    const metadata = { ...set["metadata"], uid: `uid-${this.uids}`, resourceVersion: "7", creationTimestamp: "now" };
    return { ...set, metadata };
  }

  readonly run: Run = (_program, args, options) => {
    const command = ["kubectl", ...args].join(" ");
    try {
      const found = args.includes("get") ? this.get(args) : this.change(command, args, options.input);
      return Promise.resolve({ code: 0, stdout: found === undefined ? "" : JSON.stringify(found), stderr: "" });
    } catch (error) {
      return Promise.reject(error as Error);
    }
  };

  private get(args: readonly string[]): unknown {
    const [kind, name] = [args[args.indexOf("get") + 1], args[args.indexOf("get") + 2]!];
    if (kind === "statefulset") return name === "redis-main" ? this.set : undefined;
    if (kind === "configmap") return this.configMaps[name];
    if (kind !== "pvc") return undefined;
    if (name !== "-l") return this.claims[name];
    const wanted = args[args.indexOf("-l") + 1]!.split(",").map((pair) => pair.split("="));
    return {
      items: Object.values(this.claims).filter((c) => wanted.every(([k, v]) => c["metadata"].labels[k!] === v)),
    };
  }

  private change(command: string, args: readonly string[], input: string | undefined): undefined {
    const isTrial = args.includes("--dry-run=server");
    if (!isTrial) {
      if (this.changes.length >= this.killAfter) throw new Killed();
      this.changes.push(command);
    }
    const after = (word: string) => args[args.indexOf(word) + 1]!;
    if (args.includes("apply")) {
      const map = JSON.parse(input!) as Json;
      this.configMaps[map["metadata"].name] = map;
    } else if (args.includes("create")) {
      if (this.set) refuse(command, "already exists");
      const set = JSON.parse(input!) as Json;
      for (const key of ["uid", "resourceVersion"])
        if (key in set["metadata"]) refuse(command, `${key} should not be set on objects to be created`);
      const manager = args.find((a) => a.startsWith("--field-manager="))!.split("=")[1];
      const managedFields = [{ manager, operation: "Update" }];
      this.set = this.born({ ...set, metadata: { ...set["metadata"], managedFields }, status: {} });
    } else if (args.includes("delete") && args.includes("statefulset")) {
      if (!args.includes("--cascade=orphan")) throw new Error("its pods would be deleted");
      this.set = undefined;
    } else if (args.includes("delete")) {
      delete this.configMaps[after("configmap")];
    } else if (args.includes("statefulset")) {
      const [patch] = JSON.parse(after("-p")) as Json[];
      if (!this.set) refuse(command, "not found");
      expect(patch!["path"]).toBe("/metadata/managedFields");
      this.set = { ...this.set, metadata: { ...this.set!["metadata"], managedFields: patch!["value"] } };
    } else {
      this.enlarge(command, this.claims[after("pvc")]!, after("-p"), isTrial);
    }
    return undefined;
  }

  private enlarge(command: string, claim: Json, patch: string, isTrial: boolean): void {
    const size = (JSON.parse(patch) as Json)["spec"].resources.requests.storage as string;
    const now = claim["spec"].resources.requests.storage as string;
    if (parseQuantity(size) < parseQuantity(now)) refuse(command, "field can not be less than previous value");
    if (this.props.expandable === false)
      refuse(
        command,
        "only dynamically provisioned pvc can be resized and the storageclass that provisions the pvc must support resize",
      );
    const { quota } = this;
    if (quota && parseQuantity(size) > parseQuantity(quota.hard))
      refuse(command, `exceeded quota: ${quota.name}, requested: requests.storage=1Gi`);
    if (isTrial) return;
    claim["spec"] = { ...claim["spec"], resources: { requests: { storage: size } } };
    if (this.props.driver) this.props.driver(claim);
    else claim["status"] = { phase: "Bound", capacity: { storage: size } };
  }

  get sizes(): Record<string, string> {
    const size = (claim: Json) => claim["spec"].resources.requests.storage as string;
    return Object.fromEntries(Object.entries(this.claims).map(([name, claim]) => [name, size(claim)]));
  }
  get template(): Json {
    return this.set!["spec"].volumeClaimTemplates[0].spec as Json;
  }
}
