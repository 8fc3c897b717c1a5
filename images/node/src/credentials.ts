/** User and password for connections to Redis. */
import { readFileSync } from "node:fs";

export interface Login {
  /** @default Redis' default user */
  readonly user: string | undefined;
  /** Read again for each connection, because passwords rotate while the process runs. */
  readonly passwordFile: string;
}

/** @throws if the file cannot be read */
export const readPassword = (login: Login): string => readFileSync(login.passwordFile, "utf8").trim();

/** ioredis options. Sentinels accept the same credentials. */
export interface Credentials {
  username?: string;
  password?: string;
  sentinelUsername?: string;
  sentinelPassword?: string;
}

/** @throws if the file cannot be read */
export function credentials(login: Login | undefined): Credentials {
  if (!login) return {};
  const password = readPassword(login);
  const { user } = login;
  return {
    password,
    sentinelPassword: password,
    ...(user === undefined ? {} : { username: user, sentinelUsername: user }),
  };
}
