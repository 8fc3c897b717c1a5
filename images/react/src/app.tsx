import { useState } from "react";
import { AddForm } from "./add-form";
import { Item } from "./item";
import { ServerLine } from "./server-line";
import { useKeys } from "./queries";

/** Rows that are drawn at once; the filter finds the others. */
const SHOWN = 200;

export function App() {
  const keys = useKeys();
  const [filter, setFilter] = useState("");
  const found = (keys.data ?? []).filter((key) => key.toLowerCase().includes(filter.toLowerCase()));
  return (
    <main>
      <header>
        <h1>Keys and values</h1>
        <ServerLine />
      </header>
      <AddForm />
      <section aria-labelledby="list-title">
        <div className="list-head">
          <h2 id="list-title">Keys{keys.data ? <span className="count"> {keys.data.length}</span> : null}</h2>
          <input
            type="search"
            aria-label="Filter keys"
            placeholder="Filter"
            value={filter}
            onChange={(event) => setFilter(event.target.value)}
          />
        </div>
        {keys.isPending && <p role="status">Loading…</p>}
        {keys.isError && (
          <p role="alert" className="error">
            {keys.error.message} <button onClick={() => void keys.refetch()}>Try again</button>
          </p>
        )}
        {keys.data?.length === 0 && <p className="hint">No keys yet. Add the first one above.</p>}
        {!!keys.data?.length && found.length === 0 && <p className="hint">No key contains “{filter}”.</p>}
        <ul>
          {found.slice(0, SHOWN).map((id) => (
            <Item key={id} id={id} />
          ))}
        </ul>
        {found.length > SHOWN && <p className="hint">{found.length - SHOWN} more. Type in the filter to find them.</p>}
      </section>
    </main>
  );
}
