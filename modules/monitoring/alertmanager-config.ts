import type { Config, Receiver } from "../../config";

const SECRETS_DIR = "/etc/alertmanager/secrets";

/** Path of the mounted file with a receiver's secret; secrets are never part of the chart values. */
const secretFile = ({ secret }: Pick<Receiver, "secret">) => `${SECRETS_DIR}/${secret.name}/${secret.key}`;

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

type Routing = Pick<Config["monitoring"], "receivers" | "heartbeat">;

/** Inhibitions: while the alert on the left fires, those on the right are suppressed, because it explains them. */
const INHIBITIONS: Readonly<Record<string, readonly string[]>> = {
  RedisMainDown: ["RedisReplicaUnlinked", "RedisReplicaLagging", "RedisRefusesWrites", "ApiReadsFromMain"],
  RedisTwoMains: ["RedisReplicaUnlinked", "RedisReplicaLagging"],
  ApiDown: ["ApiBudgetBurnsFast", "ApiBudgetBurnsSlowly", "AutoscalerBlind", "AutoscalerSignalMissing"],
  ApiBudgetBurnsFast: ["ApiBudgetBurnsSlowly"],
  AutoscalerBlind: ["AutoscalerSignalMissing"],
};

/**
 * Alertmanager's configuration. Every alert except the heartbeat goes to every receiver; without receivers, alerts are
 * only displayed. Inhibited alerts are suppressed.
 */
export function alertmanagerConfig({ receivers, heartbeat }: Routing): object {
  return {
    route: {
      receiver: "none",
      group_by: ["namespace", "alertname"],
      group_wait: "20s",
      group_interval: "2m",
      repeat_interval: "4h",
      routes: [
        // Watchdog always fires; the receiving service raises an alarm when the notifications stop
        ...(heartbeat
          ? [{ receiver: "heartbeat", matchers: ["alertname = Watchdog"], group_interval: "1m", repeat_interval: "1m" }]
          : []),
        { receiver: "none", matchers: ['alertname =~ "Watchdog|InfoInhibitor"'] },
        ...receivers.map((r) => ({ receiver: r.name, continue: true })),
      ],
    },
    inhibit_rules: [
      ...Object.entries(INHIBITIONS).map(([source, targets]) => ({
        source_matchers: [`alertname = ${source}`],
        target_matchers: [`alertname =~ "${targets.join("|")}"`],
        equal: ["namespace"],
      })),
      {
        source_matchers: ["severity = critical"],
        target_matchers: ["severity =~ warning|info"],
        equal: ["namespace", "alertname"],
      },
    ],
    receivers: [
      { name: "none" },
      ...(heartbeat
        ? [
            {
              name: "heartbeat",
              webhook_configs: [{ url_file: secretFile({ secret: heartbeat }), send_resolved: false }],
            },
          ]
        : []),
      ...receivers.map(receiverConfig),
    ],
    templates: [],
  };
}

/** Names of the Secrets that Alertmanager must mount for its receivers. */
export const alertmanagerSecrets = ({ receivers, heartbeat }: Routing): string[] => [
  ...new Set([...receivers.map((r) => r.secret.name), ...(heartbeat ? [heartbeat.name] : [])]),
];
