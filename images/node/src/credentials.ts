/** User and password of a connection to Redis. */
import { readFileSync } from "node:fs";

export interface Login {
  /** @default Redis' default user */
  readonly user: string | undefined;
  /** Read anew for each connection: passwords change while this process lives. */
  readonly passwordFile: string;
}

/** @throws where the file cannot be read */
export const readPassword = (login: Login): string => readFileSync(login.passwordFile, "utf8").trim();

/** What ioredis takes; the same for the Sentinels, where there are some. */
export interface Credentials {
  username?: string;
  password?: string;
  sentinelUsername?: string;
  sentinelPassword?: string;
}

/** @throws where the file cannot be read */
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
