import { type FormEvent, useRef, useState } from "react";
import { useSave } from "./queries";

export function AddForm() {
  const [id, setId] = useState("");
  const [val, setVal] = useState("");
  const first = useRef<HTMLInputElement>(null);
  const save = useSave();
  const submit = (event: FormEvent) => {
    event.preventDefault();
    save.mutate(
      { id, val },
      {
        onSuccess: () => {
          setId("");
          setVal("");
          first.current?.focus();
        },
      },
    );
  };
  return (
    <form onSubmit={submit} aria-label="Add a key">
      <label>
        Key
        <input ref={first} required value={id} onChange={(event) => setId(event.target.value)} autoComplete="off" />
      </label>
      <label className="wide">
        Value
        <input value={val} onChange={(event) => setVal(event.target.value)} autoComplete="off" />
      </label>
      <button type="submit" disabled={save.isPending}>
        {save.isPending ? "Adding…" : "Add"}
      </button>
      {save.isError && (
        <p role="alert" className="error">
          Not saved: {save.error.message}
        </p>
      )}
    </form>
  );
}
