/** A Lucide icon, drawn from its data: Lucide's React package is larger than all of this page's icons together. */
import type { IconNode } from "lucide";
import { createElement } from "react";

export function Icon({ of }: { of: IconNode }) {
  return (
    <svg
      aria-hidden
      viewBox="0 0 24 24"
      fill="none"
      stroke="currentColor"
      strokeWidth="2"
      strokeLinecap="round"
      strokeLinejoin="round"
    >
      {of.map(([tag, attributes], key) => createElement(tag, { ...attributes, key }))}
    </svg>
  );
}
