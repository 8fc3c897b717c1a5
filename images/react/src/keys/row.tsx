import { Copy, Pencil, Trash2 } from "lucide";
import { Icon } from "../icon";
import { type FormEvent, type KeyboardEvent, useState } from "react";
import { copy } from "../clipboard";
import { t } from "../text";
import { useToasts } from "../toasts";
import { useDelete, useSave, useValue } from "./queries";
import { ValueField } from "./value-field";

/** Longer values are cut in the list: drawing a megabyte of text would stop the page. */
const SHOWN = 300;

interface RowProps {
  readonly id: string;
  readonly index: number;
  /** Whether its value may be asked for: not while rows fly past. */
  readonly enabled: boolean;
  /** Whether the Tab key stops here: one row of the list is the way into it. */
  readonly active: boolean;
  readonly onActive: (index: number) => void;
}

/** One key with its value: shown, copied, edited in place, deleted with an undo. */
export function Row({ id, index, enabled, active, onActive }: RowProps) {
  const value = useValue(id, enabled);
  const [draft, setDraft] = useState<string>();
  const save = useSave();
  const remove = useDelete();
  const tell = useToasts();
  const tabIndex = active ? 0 : -1;

  /** Back to the value, with the focus where it was. */
  const close = () => {
    setDraft(undefined);
    save.reset();
    document.querySelector<HTMLElement>(`[data-index="${index}"]`)?.focus();
  };
  const edit = () => value.data !== undefined && setDraft(value.data ?? "");
  const copyValue = () =>
    typeof value.data === "string" && void copy(value.data).then((done) => tell(done ? t.copied : t.notCopied));
  // the row is gone by the time that the answer comes: its callbacks must not hang on it
  const deleteKey = () =>
    void remove.mutateAsync(id).then(
      (last) => {
        const undo = () =>
          void save
            .mutateAsync({ id, val: last! })
            .catch((error: Error) => tell(t.notSaved(error.message), { kind: "error" }));
        tell(t.deleted(id), last === null ? {} : { action: { label: t.undo, run: undo } });
      },
      (error: Error) => tell(t.notDeleted(id, error.message), { kind: "error" }),
    );

  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (save.isPending) return;
    save.mutate({ id, val: draft ?? "" }, { onSuccess: close });
  };
  const keyDown = (event: KeyboardEvent<HTMLElement>) => {
    if (event.key === "Escape" && draft !== undefined) return close();
    // only where the row itself has the focus, not a button or a field in it
    if (event.target !== event.currentTarget || event.ctrlKey || event.metaKey || event.altKey) return;
    const run = { Enter: edit, e: edit, c: copyValue, Delete: deleteKey }[event.key];
    if (!run) return;
    event.preventDefault();
    run();
  };
  const actions = [
    { run: copyValue, label: t.copy(id), icon: Copy },
    { run: edit, label: t.edit(id), icon: Pencil },
    { run: deleteKey, label: t.remove(id), icon: Trash2, danger: true },
  ];
  return (
    <div
      data-index={index}
      role="group"
      aria-label={id}
      tabIndex={tabIndex}
      className={draft === undefined ? "row" : "row editing"}
      onKeyDown={keyDown}
      onFocus={() => onActive(index)}
    >
      <span className="key" title={id}>
        {id}
      </span>
      {draft === undefined ? (
        <>
          <span className="value">
            {value.data === undefined ? (
              // a value that was had once stays, even where a later reading fails
              value.isError ? (
                <span className="error">{value.error.message}</span>
              ) : (
                <span className="skeleton" />
              )
            ) : value.data === null ? (
              <em>{t.gone}</em>
            ) : value.data === "" ? (
              <em>{t.emptyValue}</em>
            ) : (
              value.data.slice(0, SHOWN)
            )}
          </span>
          <span className="actions">
            {actions.map(({ run, label, icon, danger }) => (
              <button
                key={label}
                className={danger ? "icon danger" : "icon"}
                tabIndex={tabIndex}
                onClick={run}
                aria-label={label}
                title={label}
              >
                <Icon of={icon} />
              </button>
            ))}
          </span>
        </>
      ) : (
        <form onSubmit={submit} className="edit">
          <ValueField autoFocus label={t.valueOf(id)} title={t.valueHint} value={draft} onChange={setDraft} />
          <span className="actions">
            <button type="submit" className="primary" aria-disabled={save.isPending}>
              {save.isPending ? t.saving : t.save}
            </button>
            <button type="button" onClick={() => close()}>
              {t.cancel}
            </button>
          </span>
          {save.isError && (
            <p role="alert" className="error">
              {t.notSaved(save.error.message)}
            </p>
          )}
        </form>
      )}
    </div>
  );
}
