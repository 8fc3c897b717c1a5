import { type FormEvent, useState } from "react";
import { useDelete, useSave, useValue } from "./queries";

/** One key with its value: shown, edited in place, deleted. */
export function Item({ id }: { id: string }) {
  const value = useValue(id);
  const [draft, setDraft] = useState<string>();
  const save = useSave();
  const remove = useDelete();
  const problem = save.error ?? remove.error;

  const submit = (event: FormEvent) => {
    event.preventDefault();
    save.mutate({ id, val: draft ?? "" }, { onSuccess: () => setDraft(undefined) });
  };
  return (
    <li>
      <span className="key">{id}</span>
      {draft === undefined ? (
        <>
          <span className="value">
            {value.isPending ? (
              "…"
            ) : value.isError ? (
              <span className="error">{value.error.message}</span>
            ) : (
              (value.data ?? <em>gone</em>)
            )}
          </span>
          <span className="actions">
            <button onClick={() => setDraft(value.data ?? "")} disabled={!value.isSuccess} aria-label={`Edit ${id}`}>
              Edit
            </button>
            <button
              onClick={() => remove.mutate(id)}
              disabled={remove.isPending}
              aria-label={`Delete ${id}`}
              className="danger"
            >
              Delete
            </button>
          </span>
        </>
      ) : (
        <form onSubmit={submit} className="edit">
          <input
            autoFocus
            aria-label={`Value of ${id}`}
            value={draft}
            onChange={(event) => setDraft(event.target.value)}
          />
          <button type="submit" disabled={save.isPending}>
            Save
          </button>
          <button type="button" onClick={() => setDraft(undefined)}>
            Cancel
          </button>
        </form>
      )}
      {problem && (
        <p role="alert" className="error">
          {problem.message}
        </p>
      )}
    </li>
  );
}
