/** What the page knows of the API, cached, and how changes update it. */
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { deleteKey, getValue, greeting, listKeys, setValue } from "./api";

const KEYS = ["keys"] as const;
const valueOf = (id: string) => ["value", id] as const;

export const useKeys = () => useQuery({ queryKey: KEYS, queryFn: listKeys, refetchInterval: 10_000 });

export const useValue = (id: string) => useQuery({ queryKey: valueOf(id), queryFn: () => getValue(id) });

export const useGreeting = () => useQuery({ queryKey: ["greeting"], queryFn: greeting, refetchInterval: 5000 });

/**
 * Adds or edits a key. The cache takes the new value at once; then the list is read again, from
 * main, which has it for certain.
 */
export function useSave() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: ({ id, val }: { id: string; val: string }) => setValue(id, val),
    onSuccess: (_, { id, val }) => {
      client.setQueryData(valueOf(id), val);
      client.setQueryData<string[]>(KEYS, (keys = []) =>
        keys.includes(id) ? keys : [...keys, id].sort((a, b) => a.localeCompare(b)),
      );
      void client.invalidateQueries({ queryKey: KEYS });
    },
  });
}

/** Deletes a key, and takes it out of the cache. */
export function useDelete() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: deleteKey,
    onSuccess: (_, id) => {
      client.removeQueries({ queryKey: valueOf(id) });
      client.setQueryData<string[]>(KEYS, (keys = []) => keys.filter((key) => key !== id));
    },
  });
}
