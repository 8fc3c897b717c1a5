import { Copy, Pencil, Trash2 } from "lucide";
import { Icon } from "../icon";
import { type KeyboardEvent, type RefObject, useCallback, useEffect, useRef, useState } from "react";
import { copy } from "../clipboard";
import { t } from "../text";
import { useToasts } from "../toasts";
import { Editor } from "./editor";
import { useValue } from "./queries";

/** Longer values are truncated in the list: rendering a megabyte of text would freeze the page. */
const MAX_SHOWN = 300;

interface RowProps {
  readonly id: string;
  readonly index: number;
  /**
   * False while scrolling: rows are then rendered without value and buttons, because each frame may show dozens of
   * them.
   */
  readonly settled: boolean;
  /** Whether Tab stops at this row. It stops at exactly one row of the list (roving tabindex). */
  readonly active: boolean;
  readonly onActive: (index: number) => void;
  readonly onDelete: (id: string) => void;
}

/** One key. At first it shows only the key's name; once scrolling has settled, also the value and actions. */
export function Row({ id, index, settled, active, onActive, onDelete }: RowProps) {
  const [full, setFull] = useState(settled);
  // the focused row must react to shortcuts at once
  if ((settled || active) && !full) setFull(true);
  const [editing, setEditing] = useState(false);
  const row = useRef<HTMLDivElement>(null);
  const shortcuts = useRef<Readonly<Record<string, () => void>>>({});
  const keyDown = (event: KeyboardEvent) => {
    // only if the row itself has the focus, rather than a button or field in it
    if (event.target !== event.currentTarget || event.ctrlKey || event.metaKey || event.altKey) return;
    const run = shortcuts.current[event.key];
    if (!run) return;
    event.preventDefault();
    run();
  };
  const setEditor = useCallback((open: boolean) => {
    setEditing(open);
    if (!open) row.current?.focus();
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
        <Content
          id={id}
          shortcuts={shortcuts}
          tabIndex={active ? 0 : -1}
          editing={editing}
          onEdit={setEditor}
          onDelete={onDelete}
        />
      ) : (
        <span className="skeleton" />
      )}
    </div>
  );
}

interface ContentProps {
  readonly id: string;
  /** Receives the row's keyboard shortcuts. */
  readonly shortcuts: RefObject<Readonly<Record<string, () => void>>>;
  readonly tabIndex: number;
  readonly editing: boolean;
  readonly onEdit: (open: boolean) => void;
  readonly onDelete: (id: string) => void;
}

/** A key's value, with actions to copy it, edit it in place and delete the key. */
function Content({ id, shortcuts, tabIndex, editing, onEdit, onDelete }: ContentProps) {
  const value = useValue(id);
  const showToast = useToasts();
  // if the value is still loading, the editor opens when it arrives
  const edit = () => onEdit(value.data !== undefined || !value.isError);
  const copyValue = () =>
    typeof value.data === "string" && void copy(value.data).then((done) => showToast(done ? t.copied : t.notCopied));
  const deleteKey = () => onDelete(id);
  useEffect(() => {
    shortcuts.current = { Enter: edit, e: edit, c: copyValue, Delete: deleteKey };
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
          // a loaded value stays, even if a later read fails
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
          value.data.slice(0, MAX_SHOWN)
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
