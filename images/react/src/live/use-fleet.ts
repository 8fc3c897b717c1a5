import { useQuery } from "@tanstack/react-query";
import { useRef } from "react";
import { getStatus } from "../api";
import { type Fleet, type FleetView, view, withStatuses } from "./fleet";

const INTERVAL_MS = 2000;
/** Number of requests per interval: one more than the number of known pods, so that each pod is reached often. */
const MIN_REQUESTS = 3;
const MAX_REQUESTS = 8;

/** The live pods and replicas, polled while the page is visible. */
export function useFleet(): { view: FleetView | undefined; error: Error | null } {
  const fleet = useRef<Fleet>(new Map());
  const since = useRef<number>(undefined);
  const { data, error } = useQuery({
    queryKey: ["fleet"],
    queryFn: async ({ signal }) => {
      since.current ??= performance.now();
      const count = Math.max(MIN_REQUESTS, Math.min(MAX_REQUESTS, fleet.current.size + 1));
      const answers = await Promise.allSettled(Array.from({ length: count }, () => getStatus(signal)));
      const statuses = answers.flatMap((a) => (a.status === "fulfilled" ? [a.value] : []));
      const now = performance.now();
      fleet.current = withStatuses(fleet.current, statuses, now);
      const failed = answers.find((a) => a.status === "rejected");
      if (statuses.length === 0 && failed) throw failed.reason;
      return view(fleet.current, now, since.current);
    },
    refetchInterval: INTERVAL_MS,
    retry: false,
  });
  return { view: data, error };
}
