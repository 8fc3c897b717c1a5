/** The virtual list: it renders only visible rows, so 100,000 keys are as fast as 20. */
import { createContext, type KeyboardEvent, type Ref, useContext, useEffect, useRef, useState } from "react";
import {
  type CustomContainerComponentProps,
  type CustomItemComponentProps,
  Virtualizer,
  type VirtualizerHandle,
} from "virtua";
import { t } from "../text";
import { useDeletion } from "./deletion";
import { Row } from "./row";

const ROW_PX = 49;
/** Height rendered above and below the visible part, in pixels. */
const BUFFER_PX = 100;
const PAGE_ROWS = 10;
const FOCUS_FRAMES = 60;
const JUMP_MS = 200;

export function KeyList({ keys }: { keys: readonly string[] }) {
  const scroller = useRef<HTMLDivElement>(null);
  const rows = useRef<VirtualizerHandle>(null);
  const [active, setActive] = useState(0);
  /** True until the focus has moved to the active row. */
  const moved = useRef(false);
  const remove = useDeletion();
  const [scrolling, setScrolling] = useState(false);
  const current = Math.max(0, Math.min(active, keys.length - 1));

  const move = (event: KeyboardEvent) => {
    const to = {
      ArrowDown: current + 1,
      ArrowUp: current - 1,
      PageDown: current + PAGE_ROWS,
      PageUp: current - PAGE_ROWS,
      Home: 0,
      End: keys.length - 1,
    }[event.key];
    // these keys have other meanings in a field or on a button
    if (to === undefined || (event.target as HTMLElement).dataset["index"] === undefined) return;
    event.preventDefault();
    const index = Math.max(0, Math.min(keys.length - 1, to));
    moved.current = true;
    if (Math.abs(index - current) > PAGE_ROWS) {
      // a jump renders a full screen of rows at once; the timer is needed because onScrollEnd does not fire if nothing
      // scrolls
      setScrolling(true);
      setTimeout(setScrolling, JUMP_MS, false);
    }
    setActive(index);
    rows.current?.scrollToIndex(index, { align: "nearest" });
  };
  // the active row is always mounted, but cannot receive the focus until it has been measured
  useEffect(() => {
    if (!moved.current) return;
    moved.current = false;
    const focus = (tries: number) => {
      const row = scroller.current?.querySelector<HTMLElement>(`[data-index="${current}"]`);
      row?.focus({ preventScroll: true });
      // the list has scrolled to the row; the window may have to scroll as well
      if (document.activeElement === row) row?.scrollIntoView({ block: "nearest" });
      else if (tries > 0) requestAnimationFrame(() => focus(tries - 1));
    };
    focus(FOCUS_FRAMES);
  }, [current]);
  if (keys.length === 0) return null;
  return (
    <div ref={scroller} className="scroller" onKeyDown={move}>
      <Count value={keys.length}>
        <Virtualizer
          ref={rows}
          as={List}
          item={Item}
          itemSize={ROW_PX}
          bufferSize={BUFFER_PX}
          data={keys}
          // the active row has the focus or an open editor
          keepMounted={[current]}
          onScroll={() => setScrolling(true)}
          onScrollEnd={() => setScrolling(false)}
        >
          {(id, index) => (
            <Row
              key={id}
              id={id}
              index={index}
              settled={!scrolling}
              active={index === current}
              onActive={setActive}
              onDelete={remove}
            />
          )}
        </Virtualizer>
      </Count>
    </div>
  );
}

const Count = createContext(0);

function List({ style, children, ref }: CustomContainerComponentProps) {
  return (
    <ul ref={ref as Ref<HTMLUListElement>} style={style} className="rows" aria-label={t.keys}>
      {children}
    </ul>
  );
}

function Item({ style, index, children, ref }: CustomItemComponentProps) {
  const count = useContext(Count);
  return (
    <li ref={ref as Ref<HTMLLIElement>} style={style} aria-posinset={index + 1} aria-setsize={count}>
      {children}
    </li>
  );
}
