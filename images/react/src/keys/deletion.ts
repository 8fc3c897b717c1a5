import { t } from "../text";
import { useToasts } from "../toasts";
import { useDelete, useSave } from "./queries";

/** Deletes a key and offers an undo. The list calls this hook, because the row unmounts before the API responds. */
export function useDeletion(): (id: string) => void {
  const remove = useDelete();
  const save = useSave();
  const showToast = useToasts();
  const undo = (id: string, val: string) =>
    void save.mutateAsync({ id, val }).catch((error: Error) => showToast(t.notSaved(error.message), { kind: "error" }));
  return (id) =>
    void remove.mutateAsync(id).then(
      (last) => showToast(t.deleted(id), last === null ? {} : { action: { label: t.undo, run: () => undo(id, last) } }),
      (error: Error) => showToast(t.notDeleted(id, error.message), { kind: "error" }),
    );
}
