import type { Container, EnvVar, PodSpec } from "kubernetes-types/core/v1";
import type { Config } from "../../config";
import { headlessName, WORKLOAD_NAME } from "../../catalog/workloads";

const TLS_DIR = "/run/secrets/redis-tls";
const TLS_FILES = ["ca.crt", "tls.crt", "tls.key"] as const;
/** The name that callers look for in the certificate, whichever instance they talk to. */
export const TLS_NAME = WORKLOAD_NAME["redis-main"];
export const TLS_CA_FILE = `${TLS_DIR}/ca.crt`;

/** Names that the certificate has to be for: the first for the API, the others for the exporter. */
export const TLS_NAMES = [TLS_NAME, `*.${headlessName("redis-main")}`, `*.${headlessName("redis-replica")}`] as const;

export const hasTls = (redis: Config["redis"]): boolean => redis.tls.secret !== null;

/** Lines of a Redis' or a Sentinel's configuration: where it listens. Users log in by name and password, by either way. */
export const listen = (redis: Config["redis"], port: number): string =>
  hasTls(redis)
    ? `port 0
tls-port ${port}
tls-cert-file ${TLS_DIR}/tls.crt
tls-key-file ${TLS_DIR}/tls.key
tls-ca-cert-file ${TLS_CA_FILE}
tls-auth-clients no
tls-replication yes`
    : `port ${port}`;

/** How an exporter names an instance. */
export const redisScheme = (redis: Config["redis"]): "redis" | "rediss" => (hasTls(redis) ? "rediss" : "redis");

/** redis-cli in front of the image's own: scripts and people type the same with TLS and without. */
export const CLI = `#!/bin/sh
# With redis.tls: the image's redis-cli, by TLS. First in the PATH of the containers.
PATH=\${PATH#/etc/redis:}
exec redis-cli --tls --cacert ${TLS_CA_FILE} "$@"
`;
export const CLI_ENV: EnvVar = {
  name: "PATH",
  value: "/etc/redis:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
};

/** What a pod needs of the Secret: a server all of it, a caller the authorities' certificates. */
export const tlsVolume = (secret: string, role: "server" | "caller"): NonNullable<PodSpec["volumes"]>[number] => ({
  name: "tls",
  secret: {
    secretName: secret,
    defaultMode: 0o440,
    items: TLS_FILES.filter((file) => role === "server" || file === "ca.crt").map((file) => ({
      key: file,
      path: file,
    })),
  },
});
export const TLS_MOUNT: NonNullable<Container["volumeMounts"]>[number] = {
  name: "tls",
  mountPath: TLS_DIR,
  readOnly: true,
};
