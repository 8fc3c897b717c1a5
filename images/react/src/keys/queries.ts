/** What the page knows of keys and values, cached, and how its own changes show at once. */
import { type QueryClient, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { deleteKey, getValue, getValueFrom, listPage, Problem, setValue } from "../api";
import { patternOf } from "./pattern";
import { has, merge, withKey, withoutKey } from "./sorted";

/** Keys that are loaded at most: more are found by searching. */
const MOST_KEYS = 100_000;
/** A longer list is not read again by itself: it would cost the API a request a thousand keys. */
const REFRESHED_KEYS = 2000;
/** Times that a list begins anew because the replica that it came from has gone. */
const RESTARTS = 3;

export interface List {
  /** Sorted, each once. */
  readonly keys: readonly string[];
  /** Whether there are more than these. */
  readonly more: boolean;
}

const LISTS = ["keys"] as const;
const listOf = (search: string) => [...LISTS, search] as const;
const valueOf = (id: string) => ["value", id] as const;

/** All keys that contain `search`; of a first reading, what is there already is shown. */
export function useKeys(search: string) {
  const client = useQueryClient();
  return useQuery({
    queryKey: listOf(search),
    queryFn: async ({ signal }) => {
      const publish = !client.getQueryData<List>(listOf(search));
      return readList(search, signal, (list) => publish && client.setQueryData<List>(listOf(search), list));
    },
    // comparing a hundred thousand keys with those before would cost more than drawing
    structuralSharing: false,
    refetchInterval: ({ state }) =>
      state.status === "error" ? 3000 : (state.data?.keys.length ?? 0) <= REFRESHED_KEYS ? 10_000 : false,
    refetchOnWindowFocus: ({ state }) => (state.data?.keys.length ?? 0) <= REFRESHED_KEYS,
  });
}

/** Reads page after page, up to {@link MOST_KEYS}. */
async function readList(search: string, signal: AbortSignal, progress: (list: List) => void): Promise<List> {
  for (let restarts = 0; ; restarts++) {
    try {
      let keys: readonly string[] = [];
      for (let cursor: string | undefined; ;) {
        const page = await listPage(patternOf(search), cursor, signal);
        keys = merge(keys, [...page.items].sort());
        const list = { keys, more: page.cursor !== null };
        if (page.cursor === null || keys.length >= MOST_KEYS) return list;
        progress(list);
        cursor = page.cursor;
      }
    } catch (error) {
      // a cursor belongs to one replica: when that is gone, another one begins anew
      if (!(error instanceof Problem && error.status === 410) || restarts >= RESTARTS) throw error;
    }
  }
}

export const useValue = (id: string) =>
  useQuery({ queryKey: valueOf(id), queryFn: ({ signal }) => getValue(id, signal), staleTime: 5000 });

/** Changes every cached list in which `id` belongs. */
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

/** A read that began before a change would bring the old state back. */
async function settle(client: QueryClient, id: string): Promise<void> {
  await Promise.all([client.cancelQueries({ queryKey: LISTS }), client.cancelQueries({ queryKey: valueOf(id) })]);
}

/** Adds or edits a key: shown at once, taken back where it fails. */
export function useSave() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: ({ id, val }: { id: string; val: string }) => setValue(id, val),
    onMutate: async ({ id, val }) => {
      await settle(client, id);
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
      // it may have been carried out all the same: ask
      void client.invalidateQueries({ queryKey: valueOf(id) });
    },
  });
}

/** Deletes a key: gone at once, back where it fails. Resolves with its last value, for an undo. */
export function useDelete() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: async (id: string) => {
      // from main: what is shown may be a moment old, what is put back must not be
      const value = await getValueFrom("main", id);
      await deleteKey(id);
      return value;
    },
    onMutate: async (id) => {
      await settle(client, id);
      remove(client, id);
    },
    onSuccess: (_, id) => client.removeQueries({ queryKey: valueOf(id) }),
    onError: (_, id) => insert(client, id),
  });
}
