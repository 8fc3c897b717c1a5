import type { Receiver } from "./config";

const SECRETS_DIR = "/etc/alertmanager/secrets";

/** Where Alertmanager finds a receiver's secret: a mounted file, never a chart value. */
const secretFile = (r: Receiver) => `${SECRETS_DIR}/${r.secret.name}/${r.secret.key}`;

function receiverConfig(r: Receiver): object {
  switch (r.type) {
    case "webhook":
      return { name: r.name, webhook_configs: [{ url_file: secretFile(r), send_resolved: true }] };
    case "slack":
      return {
        name: r.name,
        slack_configs: [{ api_url_file: secretFile(r), channel: r.channel, send_resolved: true }],
      };
    case "email":
      return {
        name: r.name,
        email_configs: [
          {
            to: r.to,
            from: r.from,
            smarthost: r.smarthost,
            auth_username: r.username ?? r.from,
            auth_password_file: secretFile(r),
            send_resolved: true,
          },
        ],
      };
  }
}

/**
 * Alertmanager's configuration: every alert but the heartbeat goes to every receiver; without
 * receivers alerts are only shown. While main is down, alerts about replicas stay silent.
 */
export function alertmanagerConfig(receivers: readonly Receiver[]): object {
  return {
    route: {
      receiver: "none",
      group_by: ["namespace", "alertname"],
      group_wait: "20s",
      group_interval: "2m",
      repeat_interval: "4h",
      routes: [
        { receiver: "none", matchers: ['alertname =~ "Watchdog|InfoInhibitor"'] },
        ...receivers.map((r) => ({ receiver: r.name, continue: true })),
      ],
    },
    inhibit_rules: [
      {
        source_matchers: ["alertname = RedisMainDown"],
        target_matchers: ["alertname = RedisReplicaUnlinked"],
      },
      {
        source_matchers: ["severity = critical"],
        target_matchers: ["severity =~ warning|info"],
        equal: ["namespace", "alertname"],
      },
    ],
    receivers: [{ name: "none" }, ...receivers.map(receiverConfig)],
    templates: [],
  };
}

/** Secrets that Alertmanager must mount for its receivers. */
export const alertmanagerSecrets = (receivers: readonly Receiver[]): string[] => [
  ...new Set(receivers.map((r) => r.secret.name)),
];
