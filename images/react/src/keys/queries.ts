/** Cached keys and values, with optimistic updates: changes show at once and are rolled back on failure. */
import { type QueryClient, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { ApiError, deleteKey, getValue, getValueFrom, listPage, setValue } from "../api";
import { patternOf } from "./pattern";
import { has, merge, withKey, withoutKey } from "./sorted";

/** Maximum number of keys loaded; searching finds the others. */
const MAX_KEYS = 100_000;
/** Longer lists are not refreshed automatically: each refresh costs the API one request per 1,000 keys. */
const MAX_REFRESHED_KEYS = 2000;
/** How many times a list restarts because the replica that issued its cursor is no longer available. */
const MAX_RESTARTS = 3;

export interface List {
  /** Sorted, without duplicates. */
  readonly keys: readonly string[];
  /** Whether the API has more keys than the loaded ones. */
  readonly more: boolean;
}

const LISTS = ["keys"] as const;
const listOf = (search: string) => [...LISTS, search] as const;
const valueOf = (id: string) => ["value", id] as const;

/** All keys that contain `search`; the first load shows each page as it arrives. */
export function useKeys(search: string) {
  const client = useQueryClient();
  return useQuery({
    queryKey: listOf(search),
    queryFn: async ({ signal }) => {
      const publish = !client.getQueryData<List>(listOf(search));
      return readList(search, signal, (list) => publish && client.setQueryData<List>(listOf(search), list));
    },
    // comparing 100,000 keys with the previous list would cost more than rendering
    structuralSharing: false,
    refetchInterval: ({ state }) =>
      state.status === "error" ? 3000 : (state.data?.keys.length ?? 0) <= MAX_REFRESHED_KEYS ? 10_000 : false,
    refetchOnWindowFocus: ({ state }) => (state.data?.keys.length ?? 0) <= MAX_REFRESHED_KEYS,
  });
}

/** Reads page by page, up to {@link MAX_KEYS} keys. */
async function readList(search: string, signal: AbortSignal, progress: (list: List) => void): Promise<List> {
  for (let restarts = 0; ; restarts++) {
    try {
      let keys: readonly string[] = [];
      for (let cursor: string | undefined; ;) {
        const page = await listPage(patternOf(search), cursor, signal);
        keys = merge(keys, [...page.items].sort());
        const list = { keys, more: page.cursor !== null };
        if (page.cursor === null || keys.length >= MAX_KEYS) return list;
        progress(list);
        cursor = page.cursor;
      }
    } catch (error) {
      // a cursor is only valid on one replica; if that one is unavailable (410), restart on another
      if (!(error instanceof ApiError && error.status === 410) || restarts >= MAX_RESTARTS) throw error;
    }
  }
}

export const useValue = (id: string) =>
  useQuery({ queryKey: valueOf(id), queryFn: ({ signal }) => getValue(id, signal), staleTime: 5000 });

/** Changes every cached list that `id` matches. */
function changeLists(client: QueryClient, id: string, change: (keys: readonly string[]) => readonly string[]): void {
  for (const [queryKey, list] of client.getQueriesData<List>({ queryKey: LISTS })) {
    const search = queryKey[1] as string;
    if (list && id.toLowerCase().includes(search.toLowerCase())) {
      client.setQueryData<List>(queryKey, { ...list, keys: change(list.keys) });
    }
  }
}
const insert = (client: QueryClient, id: string): void => changeLists(client, id, (keys) => withKey(keys, id));
const remove = (client: QueryClient, id: string): void => changeLists(client, id, (keys) => withoutKey(keys, id));
const isListed = (client: QueryClient, id: string): boolean =>
  client.getQueriesData<List>({ queryKey: LISTS }).some(([, list]) => list && has(list.keys, id));

/** Cancels reads that started before a change, because they would bring back the old state. */
async function cancelReads(client: QueryClient, id: string): Promise<void> {
  await Promise.all([client.cancelQueries({ queryKey: LISTS }), client.cancelQueries({ queryKey: valueOf(id) })]);
}

/** Adds or edits a key: shown at once, rolled back on failure. */
export function useSave() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: ({ id, val }: { id: string; val: string }) => setValue(id, val),
    onMutate: async ({ id, val }) => {
      await cancelReads(client, id);
      const before = { value: client.getQueryData<string | null>(valueOf(id)), listed: isListed(client, id) };
      client.setQueryData(valueOf(id), val);
      insert(client, id);
      return before;
    },
    onError: (_, { id }, before) => {
      if (!before) return;
      if (before.value === undefined) client.removeQueries({ queryKey: valueOf(id) });
      else client.setQueryData(valueOf(id), before.value);
      if (!before.listed) remove(client, id);
      // a failed write may still have been applied, so read the value again
      void client.invalidateQueries({ queryKey: valueOf(id) });
    },
  });
}

/** Deletes a key: hidden at once, restored on failure. Resolves with its last value, for an undo. */
export function useDelete() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: async (id: string) => {
      // from main: the value on the page may be stale, but an undo must restore the current one
      const value = await getValueFrom("main", id);
      await deleteKey(id);
      return value;
    },
    onMutate: async (id) => {
      await cancelReads(client, id);
      remove(client, id);
    },
    onSuccess: (_, id) => client.removeQueries({ queryKey: valueOf(id) }),
    onError: (_, id) => insert(client, id),
  });
}
