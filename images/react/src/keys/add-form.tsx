import { Plus } from "lucide";
import { Icon } from "../icon";
import { type FormEvent, useRef, useState } from "react";
import { t } from "../text";
import { useToasts } from "../toasts";
import { useSave } from "./queries";
import { ValueField } from "./value-field";

export function AddForm() {
  const [id, setId] = useState("");
  const [val, setVal] = useState("");
  const keyField = useRef<HTMLInputElement>(null);
  const save = useSave();
  const showToast = useToasts();
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (save.isPending) return;
    save.mutate(
      { id, val },
      {
        onSuccess: () => {
          showToast(t.added(id));
          setId("");
          setVal("");
          keyField.current?.focus();
        },
      },
    );
  };
  return (
    <form onSubmit={submit} aria-label={t.addTitle} className="panel add">
      <label className="field">
        {t.key}
        <input
          ref={keyField}
          required
          maxLength={1024}
          value={id}
          onChange={(event) => setId(event.target.value)}
          autoComplete="off"
          spellCheck={false}
        />
      </label>
      <label className="field wide">
        {t.value}
        <ValueField value={val} onChange={setVal} title={t.valueHint} />
      </label>
      <button type="submit" className="primary" aria-disabled={save.isPending}>
        <Icon of={Plus} />
        {save.isPending ? t.adding : t.add}
      </button>
      {save.isError && (
        <p role="alert" className="error">
          {t.notSaved(save.error.message)}
        </p>
      )}
    </form>
  );
}
