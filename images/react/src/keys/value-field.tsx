/** A value of one or more lines: grows with its text, Ctrl+Enter sends the form. */
import type { KeyboardEvent } from "react";

const MOST_ROWS = 10;

interface ValueFieldProps {
  readonly value: string;
  readonly onChange: (value: string) => void;
  readonly label?: string;
  readonly title?: string;
  readonly autoFocus?: boolean;
}

export function ValueField({ value, onChange, label, title, autoFocus }: ValueFieldProps) {
  const keyDown = (event: KeyboardEvent<HTMLTextAreaElement>) => {
    if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
    event.preventDefault();
    event.currentTarget.form?.requestSubmit();
  };
  return (
    <textarea
      aria-label={label}
      title={title}
      autoFocus={autoFocus}
      // one goes on writing, as in any editor
      onFocus={(event) => autoFocus && event.currentTarget.setSelectionRange(value.length, value.length)}
      rows={Math.min(MOST_ROWS, value.split("\n", MOST_ROWS).length)}
      value={value}
      onChange={(event) => onChange(event.target.value)}
      onKeyDown={keyDown}
      spellCheck={false}
    />
  );
}
