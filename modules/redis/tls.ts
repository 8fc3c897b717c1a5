import type { Container, EnvVar, PodSpec } from "kubernetes-types/core/v1";
import type { Config } from "../../config";
import { headlessName, WORKLOAD_NAME } from "../../catalog/workloads";

const TLS_DIR = "/run/secrets/redis-tls";
const TLS_FILES = ["ca.crt", "tls.crt", "tls.key"] as const;
/** The name that clients verify in the certificate of every instance. */
export const TLS_NAME = WORKLOAD_NAME["redis-main"];
export const TLS_CA_FILE = `${TLS_DIR}/ca.crt`;

/** Names that the certificate must include: the first for the API, the others for the exporter. */
export const TLS_NAMES = [TLS_NAME, `*.${headlessName("redis-main")}`, `*.${headlessName("redis-replica")}`] as const;

export const hasTls = (redis: Config["redis"]): boolean => redis.tls.secret !== null;

/**
 * Configuration lines of a Redis or Sentinel: its port, with or without TLS. Users log in with a password in both
 * cases.
 */
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

/** URL scheme of an instance, for the exporter. */
export const redisScheme = (redis: Config["redis"]): "redis" | "rediss" => (hasTls(redis) ? "rediss" : "redis");

/** Wrapper of redis-cli, so that commands are the same with and without TLS. */
export const CLI = `#!/bin/sh
# With redis.tls: the image's redis-cli over TLS. First in the PATH of the containers.
PATH=\${PATH#/etc/redis:}
exec redis-cli --tls --cacert ${TLS_CA_FILE} "$@"
`;
export const CLI_ENV: EnvVar = {
  name: "PATH",
  value: "/etc/redis:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
};

/** The pod's part of the TLS Secret: all of it for a server, only the CA certificates for a client. */
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
