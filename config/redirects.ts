/**
 * Variables that would make Terraform use a different cluster, login or state than kubectl and this configuration do.
 * Terraform passes its environment to the providers, and a provider reads from it whatever its block does not set.
 *
 * The list follows the source code of the providers hashicorp/kubernetes 2.38 and hashicorp/helm 3.1, and of the
 * `kubernetes` backend. It does not need `KUBE_CTX`, because the context is always named (index.ts), or
 * `KUBE_NAMESPACE`, because every object names its namespace.
 */
import * as path from "node:path";

const SERVER = "the cluster's address";
const LOGIN = "the user";

/** The choices that a variable could override. */
const KUBERNETES: Readonly<Record<string, string>> = {
  KUBE_HOST: SERVER,
  KUBE_CTX_CLUSTER: SERVER,
  KUBE_PROXY_URL: SERVER,
  KUBE_TLS_SERVER_NAME: SERVER,
  KUBE_INSECURE: "the check of the cluster's certificate",
  KUBE_CLUSTER_CA_CERT_DATA: "the cluster's authority",
  KUBE_CTX_AUTH_INFO: LOGIN,
  KUBE_USER: LOGIN,
  KUBE_USERNAME: LOGIN,
  KUBE_PASSWORD: LOGIN,
  KUBE_TOKEN: LOGIN,
  KUBE_CLIENT_CERT_DATA: LOGIN,
  KUBE_CLIENT_KEY_DATA: LOGIN,
};

/** Terraform may split its arguments like a shell, so a flag may be quoted. */
const REDIRECTING_FLAGS =
  /(?:^|[\s"'])(--?(?:state-out|state|backup|backend-config|backend|chdir|target|exclude|destroy|refresh-only|replace))\b/;

/** Logins and certificates that provider kreuzwerker/docker 3.6 prefers to the files that this project names. */
const DOCKER = [
  "DOCKER_REGISTRY_USER",
  "DOCKER_REGISTRY_PASS",
  "DOCKER_CA_MATERIAL",
  "DOCKER_CERT_MATERIAL",
  "DOCKER_KEY_MATERIAL",
];

/** A boolean variable that is false changes nothing. */
const isOff = (value: string): boolean => /^(0|f|false)$/i.test(value);

export interface Chosen {
  /** The configuration's kubeconfig files, in order. */
  readonly kubeconfigs: readonly string[];
  /** Backend for Terraform's state. */
  readonly backend: string;
}

/**
 * One sentence for each variable that is set and would redirect Terraform. It never contains the value, which may be
 * secret.
 */
export function redirects(env: NodeJS.ProcessEnv, chosen: Chosen): string[] {
  const problems: string[] = [];
  const value = (name: string): string => env[name] ?? "";
  const refuse = (name: string, why: string) => problems.push(`${name}: ${why}; unset it`);

  for (const [name, what] of Object.entries(KUBERNETES)) {
    if (value(name) && !(name === "KUBE_INSECURE" && isOff(value(name))))
      refuse(name, `Terraform would take ${what} from it, kubectl from the kubeconfig`);
  }
  const sameFiles = (paths: string): boolean => {
    const files = paths.split(path.delimiter).filter(Boolean);
    return (
      files.length === chosen.kubeconfigs.length && files.every((f, i) => path.resolve(f) === chosen.kubeconfigs[i])
    );
  };
  const otherFiles = `Terraform would not read the same kubeconfig files as kubectl (${chosen.kubeconfigs.join(", ")})`;
  if (value("KUBE_CONFIG_PATHS") && !sameFiles(value("KUBE_CONFIG_PATHS"))) refuse("KUBE_CONFIG_PATHS", otherFiles);
  // the providers prefer the file that this project sets; it sets none if there are several, and the backend always
  // gets a list
  const isFileOpen = chosen.kubeconfigs.length !== 1 || chosen.backend === "kubernetes";
  if (value("KUBE_CONFIG_PATH") && isFileOpen && !sameFiles(value("KUBE_CONFIG_PATH")))
    refuse("KUBE_CONFIG_PATH", otherFiles);
  const inCluster = value("KUBE_IN_CLUSTER_CONFIG");
  if (inCluster && !isOff(inCluster) && chosen.backend === "kubernetes")
    refuse("KUBE_IN_CLUSTER_CONFIG", "Terraform would look for its state in the cluster that this machine runs in");
  if (!["", "secret", "secrets"].includes(value("HELM_DRIVER")))
    refuse("HELM_DRIVER", "Helm would not find its releases, which are in Secrets");
  if (!["", "default"].includes(value("TF_WORKSPACE")))
    refuse("TF_WORKSPACE", "Terraform would use the state of a different workspace");
  if (value("TF_DATA_DIR")) refuse("TF_DATA_DIR", "the layers would share one folder for backends and providers");
  for (const name of Object.keys(env).filter((n) => n.startsWith("TF_CLI_ARGS"))) {
    const flag = REDIRECTING_FLAGS.exec(value(name))?.[1];
    if (flag) refuse(name, `${flag} would make Terraform use a different state, or do something else with a layer`);
  }
  for (const name of DOCKER)
    if (value(name)) refuse(name, "images would be pushed with it, not with what registry.dockerConfig and doctor use");
  return problems;
}
