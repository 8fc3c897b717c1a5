/** Alerts as Prometheus and Alertmanager see them. */
import { apiRaw, eventually, monitoring, prometheus } from "./system";

interface Alert {
  readonly state: "pending" | "firing";
  readonly labels: Readonly<Record<string, string>>;
}
interface Target {
  readonly health: string;
  readonly scrapeUrl: string;
  readonly lastError: string;
}
type Labels = Readonly<Record<string, string>>;

/** Alerts that are pending or fire now. */
export const activeAlerts = async (): Promise<readonly Alert[]> =>
  (await prometheus<{ alerts: Alert[] }>("alerts")).alerts;

const of = async (alert: string, matching: Labels): Promise<readonly Alert[]> =>
  (await activeAlerts()).filter(
    (a) => a.labels["alertname"] === alert && Object.entries(matching).every(([k, v]) => a.labels[k] === v),
  );

/** Waits until an alert fires; on timeout, the error contains the last state of the alert. */
export const firing = (alert: string, seconds: number, matching: Labels = {}): Promise<boolean> =>
  eventually(`the alert ${alert}`, seconds, async () => {
    const found = await of(alert, matching);
    if (found.some((a) => a.state === "firing")) return true;
    throw new Error(found.length ? `${found[0]!.state} so far` : "not even pending");
  });

/**
 * Longest wait until an alert is resolved, in seconds. Some network plugins reconcile policies only every five minutes;
 * until then a recreated pod may be unreachable, and the alert rightly keeps firing.
 */
const RESOLVED_SECONDS = 480;

/** Waits until an alert is neither firing nor pending; on timeout, the error lists the targets that are down. */
export const resolved = (alert: string, matching: Labels = {}): Promise<boolean> =>
  eventually(`the alert ${alert} to be resolved`, RESOLVED_SECONDS, async () => {
    const [still] = await of(alert, matching);
    if (!still) return true;
    const { activeTargets } = await prometheus<{ activeTargets: Target[] }>("targets?state=active");
    const down = activeTargets.filter((t) => t.health !== "up").map((t) => `${t.scrapeUrl}: ${t.lastError}`);
    throw new Error([`${still.state}, ${JSON.stringify(still.labels)}`, ...down].join("; "));
  });

/** Whether Alertmanager suppresses an alert because another alert explains it. */
export async function inhibited(alert: string): Promise<boolean> {
  const path = `/api/v1/namespaces/${monitoring}/services/kube-prometheus-stack-alertmanager:9093/proxy/api/v2/alerts`;
  const filter = encodeURIComponent(`alertname="${alert}"`);
  const alerts = JSON.parse(await apiRaw(`${path}?filter=${filter}`)) as { status: { inhibitedBy: string[] } }[];
  return alerts.length > 0 && alerts.every((a) => a.status.inhibitedBy.length > 0);
}
