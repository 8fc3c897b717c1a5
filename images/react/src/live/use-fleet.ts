import { useQuery } from "@tanstack/react-query";
import { useRef } from "react";
import { getStatus } from "../api";
import { type Fleet, type FleetView, heard, view } from "./fleet";

const EVERY_MS = 2000;
/** Questions a round: as many as there are pods, so that each is heard of often. */
const LEAST_ASKED = 3;
const MOST_ASKED = 8;

/** The pods and replicas there are, asked for while the page is looked at. */
export function useFleet(): { view: FleetView | undefined; error: Error | null } {
  const fleet = useRef<Fleet>(new Map());
  const since = useRef<number>(undefined);
  const { data, error } = useQuery({
    queryKey: ["fleet"],
    queryFn: async ({ signal }) => {
      since.current ??= performance.now();
      const count = Math.max(LEAST_ASKED, Math.min(MOST_ASKED, fleet.current.size + 1));
      const answers = await Promise.allSettled(Array.from({ length: count }, () => getStatus(signal)));
      const statuses = answers.flatMap((a) => (a.status === "fulfilled" ? [a.value] : []));
      const now = performance.now();
      fleet.current = heard(fleet.current, statuses, now);
      const failed = answers.find((a) => a.status === "rejected");
      if (statuses.length === 0 && failed) throw failed.reason;
      return view(fleet.current, now, since.current);
    },
    refetchInterval: EVERY_MS,
    retry: false,
  });
  return { view: data, error };
}
