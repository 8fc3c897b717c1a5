import { selectors, WORK_ROUTES } from "../selectors";
import { THRESHOLDS } from "../thresholds";
import type { AlertProps } from "./rule";

/** Alerts about the API and the front. */
export function webAlerts(namespace: string): readonly AlertProps[] {
  const { api, front } = selectors(namespace);
  const fallback = `sum(rate(redis_pool_reads_from_main_total{${api}, reason="fallback"}[2m]))`;
  return [
    {
      alert: "ApiDown",
      expr: `sum(up{${api}}) == 0 or absent(up{${api}})`,
      for: "1m",
      severity: "critical",
      summary: "No pod of the API answers",
      description: "Prometheus reaches {{ $value }} pods of the API (or knows none).",
    },
    {
      alert: "FrontDown",
      expr: `sum(up{${front}}) == 0 or absent(up{${front}})`,
      for: "1m",
      severity: "critical",
      summary: "No pod of the front answers",
      description: "Prometheus reaches {{ $value }} pods of the front (or knows none).",
    },
    {
      alert: "ApiRefusing",
      expr: `sum(rate(http_requests_shed_total{${api}}[2m])) / sum(rate(http_request_duration_seconds_count{${api}, ${WORK_ROUTES}}[2m])) > ${THRESHOLDS.refused}`,
      for: "2m",
      severity: "warning",
      summary: "The API refuses requests because it has too much to do",
      description: "{{ $value | humanizePercentage }} of requests were refused with 503 over 2 minutes.",
    },
    {
      alert: "ApiReadsFromMain",
      expr: `${fallback} / ((sum(rate(redis_pool_reads_total{${api}}[2m])) or vector(0)) + ${fallback}) > ${THRESHOLDS.readsFromMain}`,
      for: "2m",
      severity: "warning",
      summary: "Reads go to main because no replica can answer them",
      description: "{{ $value | humanizePercentage }} of reads fell back to main over 2 minutes.",
    },
  ];
}
