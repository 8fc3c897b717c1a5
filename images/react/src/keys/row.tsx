import { Copy, Pencil, Trash2 } from "lucide";
import { Icon } from "../icon";
import { type KeyboardEvent, type RefObject, useCallback, useEffect, useRef, useState } from "react";
import { copy } from "../clipboard";
import { t } from "../text";
import { useToasts } from "../toasts";
import { Editor } from "./editor";
import { useValue } from "./queries";

/** Longer values are cut in the list: drawing a megabyte of text would stop the page. */
const SHOWN = 300;

interface RowProps {
  readonly id: string;
  readonly index: number;
  /** Rows that fly past are drawn without value and buttons: there are dozens of them in a frame. */
  readonly calm: boolean;
  /** Whether the Tab key stops here: one row of the list is the way into it. */
  readonly active: boolean;
  readonly onActive: (index: number) => void;
  readonly onDelete: (id: string) => void;
}

/** One key: at first just its name, once the list is calm also its value and what can be done with it. */
export function Row({ id, index, calm, active, onActive, onDelete }: RowProps) {
  const [full, setFull] = useState(calm);
  // the one that has the focus must hear its keys at once
  if ((calm || active) && !full) setFull(true);
  const [editing, setEditing] = useState(false);
  const row = useRef<HTMLDivElement>(null);
  const keys = useRef<Readonly<Record<string, () => void>>>({});
  const keyDown = (event: KeyboardEvent) => {
    // only where the row itself has the focus, not a button or a field in it
    if (event.target !== event.currentTarget || event.ctrlKey || event.metaKey || event.altKey) return;
    const run = keys.current[event.key];
    if (!run) return;
    event.preventDefault();
    run();
  };
  const edit = useCallback((now: boolean) => {
    setEditing(now);
    // back to where it was
    if (!now) row.current?.focus();
  }, []);
  return (
    <div
      ref={row}
      data-index={index}
      role="group"
      aria-label={id}
      tabIndex={active ? 0 : -1}
      className={editing ? "row editing" : "row"}
      onKeyDown={keyDown}
      onFocus={() => onActive(index)}
    >
      <span className="key" title={id}>
        {id}
      </span>
      {full ? (
        <Content id={id} keys={keys} tabIndex={active ? 0 : -1} editing={editing} onEdit={edit} onDelete={onDelete} />
      ) : (
        <span className="skeleton" />
      )}
    </div>
  );
}

interface ContentProps {
  readonly id: string;
  /** Where it leaves what keys do on its row. */
  readonly keys: RefObject<Readonly<Record<string, () => void>>>;
  readonly tabIndex: number;
  readonly editing: boolean;
  readonly onEdit: (now: boolean) => void;
  readonly onDelete: (id: string) => void;
}

/** The value of a key: shown, copied, edited in place, deleted. */
function Content({ id, keys, tabIndex, editing, onEdit, onDelete }: ContentProps) {
  const value = useValue(id);
  const tell = useToasts();
  // where the value is still on its way, the editor opens as it comes
  const edit = () => onEdit(value.data !== undefined || !value.isError);
  const copyValue = () =>
    typeof value.data === "string" && void copy(value.data).then((done) => tell(done ? t.copied : t.notCopied));
  const deleteKey = () => onDelete(id);
  useEffect(() => {
    keys.current = { Enter: edit, e: edit, c: copyValue, Delete: deleteKey };
  });

  if (editing && value.data !== undefined) {
    return <Editor id={id} value={value.data ?? ""} onClose={() => onEdit(false)} />;
  }
  const actions = [
    { run: copyValue, label: t.copy(id), icon: Copy },
    { run: edit, label: t.edit(id), icon: Pencil },
    { run: deleteKey, label: t.remove(id), icon: Trash2, danger: true },
  ];
  return (
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
  );
}
