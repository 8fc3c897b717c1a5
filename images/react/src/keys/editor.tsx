import { type FormEvent, useState } from "react";
import { t } from "../text";
import { useSave } from "./queries";
import { ValueField } from "./value-field";

interface EditorProps {
  readonly id: string;
  /** The initial value. */
  readonly value: string;
  readonly onClose: () => void;
}

/** Edits a value in its row; keeps the draft until it is saved or cancelled. */
export function Editor({ id, value, onClose }: EditorProps) {
  const [draft, setDraft] = useState(value);
  const save = useSave();
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (!save.isPending) save.mutate({ id, val: draft }, { onSuccess: onClose });
  };
  return (
    <form onSubmit={submit} className="edit" onKeyDown={(event) => event.key === "Escape" && onClose()}>
      <ValueField autoFocus label={t.valueOf(id)} title={t.valueHint} value={draft} onChange={setDraft} />
      <span className="actions">
        <button type="submit" className="primary" aria-disabled={save.isPending}>
          {save.isPending ? t.saving : t.save}
        </button>
        <button type="button" onClick={onClose}>
          {t.cancel}
        </button>
      </span>
      {save.isError && (
        <p role="alert" className="error">
          {t.notSaved(save.error.message)}
        </p>
      )}
    </form>
  );
}
