import { CALLER_ROUTES, selectors } from "../selectors";
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
      summary: "No API pod answers",
      description: "Prometheus cannot scrape any API pod, or has discovered none.",
    },
    {
      alert: "FrontDown",
      expr: `sum(up{${front}}) == 0 or absent(up{${front}})`,
      for: "1m",
      severity: "critical",
      summary: "No front pod answers",
      description: "Prometheus cannot scrape any front pod, or has discovered none.",
    },
    {
      alert: "ApiRefusing",
      expr: `sum(rate(http_requests_shed_total{${api}}[2m])) / sum(rate(http_request_duration_seconds_count{${api}, ${CALLER_ROUTES}}[2m])) > ${THRESHOLDS.shed}`,
      for: "2m",
      severity: "warning",
      summary: "The API sheds load",
      description: "{{ $value | humanizePercentage }} of requests were shed with 503 over 2 minutes.",
    },
    {
      alert: "ApiReadsFromMain",
      expr: `${fallback} / ((sum(rate(redis_pool_reads_total{${api}}[2m])) or vector(0)) + ${fallback}) > ${THRESHOLDS.readsFromMain}`,
      for: "2m",
      severity: "warning",
      summary: "Reads fall back to main because no replica can answer them",
      description: "{{ $value | humanizePercentage }} of reads fell back to main over 2 minutes.",
    },
  ];
}
