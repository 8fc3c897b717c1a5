import { t } from "../text";
import { useToasts } from "../toasts";
import { useDelete, useSave } from "./queries";

/** Deletes a key and offers to take it back. It belongs to the list: the row is gone before the answer comes. */
export function useDeletion(): (id: string) => void {
  const remove = useDelete();
  const save = useSave();
  const tell = useToasts();
  const undo = (id: string, val: string) =>
    void save.mutateAsync({ id, val }).catch((error: Error) => tell(t.notSaved(error.message), { kind: "error" }));
  return (id) =>
    void remove.mutateAsync(id).then(
      (last) => tell(t.deleted(id), last === null ? {} : { action: { label: t.undo, run: () => undo(id, last) } }),
      (error: Error) => tell(t.notDeleted(id, error.message), { kind: "error" }),
    );
}
