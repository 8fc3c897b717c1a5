import { Construct } from "constructs";
import { RoleBindingV1 } from "@cdktf/provider-kubernetes/lib/role-binding-v1";
import { RoleV1, type RoleV1Config } from "@cdktf/provider-kubernetes/lib/role-v1";
import { ServiceAccountV1 } from "@cdktf/provider-kubernetes/lib/service-account-v1";
import type { Container, PodSpec } from "kubernetes-types/core/v1";
import { labels } from "../../catalog/names";
import { WORKLOAD_NAME, type Component } from "../../catalog/workloads";

/** Folder in the container with the token and the CA certificate. */
export const CREDENTIALS_DIR = "/run/secrets/kubernetes";

const VOLUME = "kubernetes-api";

export interface KubernetesApiAccessProps {
  /** Workload that the objects belong to. */
  readonly component: Component;
  /** Namespace that the objects are created in. */
  readonly namespace: string;
  /** Permissions of the pods in that namespace. */
  readonly rules: RoleV1Config["rule"];
}

/**
 * A ServiceAccount with exactly the given permissions in one namespace.
 *
 * The token is mounted only into the pods that need it, and the kubelet renews it within the hour.
 * By default, no pod gets a token.
 */
export class KubernetesApiAccess extends Construct {
  readonly serviceAccountName: string;

  constructor(scope: Construct, id: string, props: KubernetesApiAccessProps) {
    super(scope, id);
    const { component, namespace } = props;
    const name = WORKLOAD_NAME[component];
    const metadata = { name, namespace, labels: labels(component) };
    const account = new ServiceAccountV1(this, "service-account", {
      metadata,
      automountServiceAccountToken: false,
      // OpenShift adds its own
      lifecycle: { ignoreChanges: ["image_pull_secret", "secret"] },
    });
    const role = new RoleV1(this, "role", {
      metadata,
      rule: props.rules,
    });
    new RoleBindingV1(this, "role-binding", {
      metadata,
      roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "Role", name: role.metadata.name },
      subject: [{ kind: "ServiceAccount", name: account.metadata.name, namespace, apiGroup: "" }],
    });
    this.serviceAccountName = account.metadata.name;
  }

  readonly volumes: NonNullable<PodSpec["volumes"]> = [
    {
      name: VOLUME,
      projected: {
        defaultMode: 0o440,
        sources: [
          { serviceAccountToken: { path: "token", expirationSeconds: 3600 } },
          { configMap: { name: "kube-root-ca.crt", items: [{ key: "ca.crt", path: "ca.crt" }] } },
        ],
      },
    },
  ];
  readonly mounts: NonNullable<Container["volumeMounts"]> = [
    { name: VOLUME, mountPath: CREDENTIALS_DIR, readOnly: true },
  ];
}
