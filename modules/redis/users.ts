/**
 * The users of Redis and their permissions: one user per purpose, with least privilege; the default user is disabled.
 *
 * Rules are Redis ACL rules (redis.io/docs/latest/operate/oss_and_stack/management/security/acl). Passwords are one file per
 * user; scripts/access.sh combines both when an instance starts.
 */
export interface RedisUser {
  /** What it is for, for the documentation. */
  readonly purpose: string;
  /** Its ACL rules on every instance. */
  readonly rules: string;
  /**
   * Further ACL rules in a Sentinel group.
   * @default none
   */
  readonly inPool?: string;
  /**
   * Its ACL rules on a Sentinel.
   * @default it cannot log in
   */
  readonly ofSentinel?: string;
}

const READS = "~* +get +getrange +strlen +exists +scan +info +ping +client|setname +client|setinfo";

export const REDIS_USERS = {
  admin: {
    purpose: "administrators, from inside a Redis pod",
    // commands that empty or block an instance are not even allowed to administrators
    rules: "~* &* +@all -flushall -flushdb -swapdb -keys -debug -module -migrate",
    ofSentinel: "&* +@all",
  },
  "api-read": { purpose: "the API, on replicas", rules: READS },
  "api-write": {
    purpose: "the API, on main",
    rules: `${READS} +set +del`,
    // scripts that maintain the commit record, in database 1
    inPool: "+wait +waitaof +eval +evalsha +select",
    ofSentinel:
      "&+switch-master +ping +info +subscribe +client|setname +client|setinfo +sentinel|get-master-addr-by-name +sentinel|master",
  },
  backup: { purpose: "scheduled backups, on main", rules: "+ping +replconf +psync +sync" },
  // no CONFIG GET, which would reveal the replication password
  exporter: {
    purpose: "the exporter",
    rules: "+ping +info +client|setname +slowlog|len +slowlog|get +latency|latest +latency|histogram",
  },
  probe: {
    purpose: "probes and start-up of the Redis pods",
    rules: "+ping +info +dbsize",
    // reads the commit record, and nothing else
    inPool: "%R~commit +get +select +config|set",
    ofSentinel:
      "+ping +info +sentinel|get-master-addr-by-name +sentinel|master +sentinel|failover +sentinel|debug +sentinel|is-master-down-by-addr",
  },
  // in a Sentinel group, access.sh gives the same rules and password to user member-ORDINAL of each member
  replication: { purpose: "replicas, on main", rules: "+ping +replconf +psync" },
  sentinel: {
    purpose: "Sentinels, on the members of their group and on each other",
    rules: "",
    inPool:
      "&* +ping +info +role +multi +exec +slaveof +replicaof +subscribe +publish +config|rewrite +client|setname +client|kill +script|kill",
    ofSentinel: "&* +ping +info +publish +subscribe +client|setname +sentinel|is-master-down-by-addr",
  },
} as const satisfies Readonly<Record<string, RedisUser>>;

/**
 * The API's user in a Sentinel group: api-write under another name, with its rules and password, so that members can
 * refuse an API that writes without a commit record (scripts/access.sh).
 */
export const GROUP_WRITER = "api-commit";

export type RedisUserName = keyof typeof REDIS_USERS;

const users = Object.entries(REDIS_USERS) as [RedisUserName, RedisUser][];

/** Keys of the Secret, one per user. Sentinel's key always exists, because no keys are added to an existing Secret. */
export const redisUserNames = users.map(([name]) => name);

const lines = (entries: readonly (readonly [string, string | undefined])[]): string =>
  entries.flatMap(([name, rules]) => (rules ? [`${name} ${rules}\n`] : [])).join("");

/** Users of an instance: name and rules, one user per line. */
export const redisUsers = (inGroup: boolean): string =>
  lines(users.map(([name, user]) => [name, [user.rules, inGroup ? (user.inPool ?? "") : ""].join(" ").trim()]));

/** Users of a Sentinel, in the format of {@link redisUsers}. */
export const sentinelUsers = (): string => lines(users.map(([name, user]) => [name, user.ofSentinel]));
