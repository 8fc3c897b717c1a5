/** A text area that grows with its text; Ctrl+Enter submits the form. */
import type { KeyboardEvent } from "react";

const MAX_ROWS = 10;

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
      // cursor at the end of the text, as in any editor
      onFocus={(event) => autoFocus && event.currentTarget.setSelectionRange(value.length, value.length)}
      rows={Math.min(MAX_ROWS, value.split("\n", MAX_ROWS).length)}
      value={value}
      onChange={(event) => onChange(event.target.value)}
      onKeyDown={keyDown}
      spellCheck={false}
    />
  );
}
