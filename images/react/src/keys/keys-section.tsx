import { Search } from "lucide";
import { Icon } from "../icon";
import { useDeferredValue, useEffect, useRef, useState } from "react";
import { t } from "../text";
import { KeyList } from "./key-list";
import { useKeys } from "./queries";

/** Maximum length of a search: a longer one would not fit into a pattern. */
const MAX_CHARACTERS = 200;
const TYPING_MS = 200;

/** The list of keys, which is searched as you type and loaded page by page. */
export function KeysSection() {
  const [text, setText] = useState("");
  const search = useSettled(text, TYPING_MS);
  const query = useKeys(search);
  const keys = query.data?.keys ?? [];
  const { more = false } = query.data ?? {};
  const shown = useDeferredValue(keys);
  const field = useRef<HTMLInputElement>(null);
  useEffect(() => {
    const focus = (event: KeyboardEvent) => {
      if (event.key !== "/" || /^(INPUT|TEXTAREA)$/.test(document.activeElement?.tagName ?? "")) return;
      event.preventDefault();
      field.current?.focus();
    };
    document.addEventListener("keydown", focus);
    return () => document.removeEventListener("keydown", focus);
  }, []);
  const settled = query.isSuccess && !query.isFetching && search === text;
  return (
    <section aria-labelledby="keys-title">
      <div className="list-head">
        <h2 id="keys-title">
          <span role="status">{query.data ? t.count(keys.length, more) : t.keys}</span>
        </h2>
        <label className="search">
          <Icon of={Search} />
          <input
            ref={field}
            type="search"
            aria-label={t.search}
            placeholder={t.search}
            maxLength={MAX_CHARACTERS}
            value={text}
            onChange={(event) => setText(event.target.value)}
          />
        </label>
      </div>
      {query.isError && (
        <p role="alert" className="error banner">
          {t.retrying(query.error.message)} <button onClick={() => void query.refetch()}>{t.tryAgain}</button>
        </p>
      )}
      {query.isPending && <p className="muted">{t.loading}</p>}
      {settled && keys.length === 0 && <p className="muted empty">{search ? t.noMatch(search) : t.empty}</p>}
      {more && !query.isFetching && <p className="muted">{t.capped(keys.length)}</p>}
      <KeyList keys={shown} />
      {keys.length > 0 && <p className="muted shortcuts">{t.shortcuts}</p>}
    </section>
  );
}

/** The value, once it has not changed for `ms`. */
function useSettled<T>(value: T, ms: number): T {
  const [settled, setSettled] = useState(value);
  useEffect(() => {
    const timer = setTimeout(() => setSettled(value), ms);
    return () => clearTimeout(timer);
  }, [value, ms]);
  return settled;
}
