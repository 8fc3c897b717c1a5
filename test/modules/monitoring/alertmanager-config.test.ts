import { alerts } from "../../dashboards/expressions";
import { monitoringValues as values, type Json } from "../../helpers/layers";

describe("Alertmanager", () => {
  const config = (receivers: object[]) => values({ monitoring: { receivers } })["alertmanager"];
  const secret = { name: "hooks", key: "url" };
  it("works without a receiver", () => {
    expect(config([]).config.route.receiver).toBe("none");
  });
  it.each([
    [{ type: "webhook", name: "ops", secret }, ["webhook_configs", "url_file"]],
    [{ type: "slack", name: "ops", channel: "#ops", secret }, ["slack_configs", "api_url_file"]],
    [
      {
        type: "email",
        name: "ops",
        to: "ops@example.org",
        from: "a@example.org",
        smarthost: "mail.example.org:587",
        secret,
      },
      ["email_configs", "auth_password_file"],
    ],
  ])("reads the secret for %j from a mounted file", (receiver, [kind, field]) => {
    const { config: c, alertmanagerSpec } = config([receiver]);
    expect(alertmanagerSpec.secrets).toEqual(["hooks"]);
    expect(c.receivers[1][kind!][0][field!]).toBe("/etc/alertmanager/secrets/hooks/url");
    expect(c.route.routes.at(-1)).toMatchObject({ receiver: "ops" });
  });
  it("sends the heartbeat to no receiver by default", () => {
    expect(config([]).config.route.routes[0]).toEqual({
      receiver: "none",
      matchers: [expect.stringContaining("Watchdog")],
    });
  });
  it("sends the heartbeat only to its own receiver, every minute", () => {
    const { config: c, alertmanagerSpec } = values({
      monitoring: {
        heartbeat: secret,
        receivers: [{ type: "webhook", name: "ops", secret: { name: "more", key: "url" } }],
      },
    })["alertmanager"];
    expect(alertmanagerSpec.secrets).toEqual(["more", "hooks"]);
    expect(c.route.routes[0]).toMatchObject({
      receiver: "heartbeat",
      matchers: ["alertname = Watchdog"],
      repeat_interval: "1m",
    });
    expect(c.route.routes[0].continue).toBeUndefined();
    expect(c.receivers[1].webhook_configs[0].url_file).toBe("/etc/alertmanager/secrets/hooks/url");
  });
  it("inhibits alerts that another alert explains", () => {
    const rules = config([]).config.inhibit_rules as Json[];
    const of = (source: string) => rules.find((r) => r["source_matchers"][0] === `alertname = ${source}`)!;
    expect(of("RedisMainDown")["target_matchers"][0]).toContain("RedisReplicaUnlinked");
    const names = alerts.map((a) => a.alert);
    for (const rule of rules.filter((r) => r["equal"].length === 1)) {
      const [, source] = /^alertname = (\w+)$/.exec(rule["source_matchers"][0])!;
      const [, targets] = /^alertname =~ "([\w|]+)"$/.exec(rule["target_matchers"][0])!;
      for (const name of [source, ...targets!.split("|")]) expect(names).toContain(name);
    }
  });
});
