/**
 * Checks the logins for the image registry: the login of the engine, which pushes, and those of the nodes, which pull.
 */
import type { Config } from "../../config";
import { dockerLogin, isDockerHub } from "../../modules/images/registry-login";
import type { Kube } from "../cluster/kubectl";
import { Failure } from "../terminal/ui";

const hostOf = (address: string): string => address.replace(/^https?:\/\//, "").split("/")[0]!;

/**
 * A push needs a login, even to a registry that answers queries without one.
 * @throws Failure with the command to run
 */
export function checkPushLogin({ registry }: Config): string {
  const host = hostOf(registry.push);
  if (registry.auth === "none") return `none is used for ${host} (registry.auth: none)`;
  if (!dockerLogin(registry.dockerConfig, host)) {
    throw new Failure(
      `${registry.dockerConfig} has no login for ${host}, so the Docker engine cannot push there.`,
      `Run: docker login${isDockerHub(host) ? "" : ` ${host}`}`,
    );
  }
  return `for ${host}, in ${registry.dockerConfig}`;
}

/** Hosts that a pull Secret has logins for; undefined if it is not a pull Secret. */
function hostsOf(data: Readonly<Record<string, string>> | undefined): readonly string[] | undefined {
  const text = data?.[".dockerconfigjson"];
  if (text === undefined) return undefined;
  try {
    const { auths = {} } = JSON.parse(Buffer.from(text, "base64").toString()) as { auths?: object };
    return Object.keys(auths).map(hostOf);
  } catch {
    return undefined;
  }
}

/**
 * Checks that the pull Secrets exist and contain a login for our images' registry.
 * @throws Failure with the command to run
 */
export async function checkPullSecrets(config: Config, kube: Kube): Promise<string> {
  const { app } = config.namespaces;
  const host = hostOf(config.registry.pull);
  const names = config.images.pullSecrets;
  const create = (name: string) =>
    `Create it: kubectl -n ${app} create secret docker-registry ${name} --docker-server=${host} --docker-username=… --docker-password=…`;
  const hosts: string[] = [];
  for (const name of names) {
    const [secret] = await kube.visible("secret", name, "-n", app);
    if (kube.forbidden.has(`secret in ${app}`)) return `unknown: this user may not read Secrets in ${app}`;
    if (!secret) throw new Failure(`There is no pull Secret ${name} in namespace ${app}.`, create(name));
    const logins = hostsOf(secret.data);
    if (!logins)
      throw new Failure(
        `Secret ${name} in namespace ${app} is not of type kubernetes.io/dockerconfigjson.`,
        create(name),
      );
    hosts.push(...logins);
  }
  if (!hosts.some((name) => name === host || (isDockerHub(name) && isDockerHub(host)))) {
    throw new Failure(
      `No pull Secret (${names.join(", ")}) has a login for ${host}, only for ${hosts.join(", ") || "no registry"}.`,
      create(`${names[0]}-2`).replace("Create it", "Create one and add it to images.pullSecrets"),
    );
  }
  return `${names.join(", ")}, for ${hosts.join(", ")}`;
}
