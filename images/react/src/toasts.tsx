/** Short messages at the bottom of the page, with an optional action; screen readers announce them. */
import { X } from "lucide";
import { Icon } from "./icon";
import { createContext, type ReactNode, useCallback, useContext, useRef, useState } from "react";
import { t } from "./text";

const SHOWN_MS = 8000;

interface Toast {
  readonly id: number;
  readonly text: string;
  readonly kind: "done" | "error";
  readonly action?: { readonly label: string; readonly run: () => void };
}
type ShowToast = (text: string, more?: Partial<Pick<Toast, "kind" | "action">>) => void;

const Context = createContext<ShowToast>(() => undefined);
export const useToasts = (): ShowToast => useContext(Context);

export function Toasts({ children }: { children: ReactNode }) {
  const [toasts, setToasts] = useState<readonly Toast[]>([]);
  const next = useRef(0);
  const dismiss = useCallback((id: number) => setToasts((all) => all.filter((toast) => toast.id !== id)), []);
  const showToast = useCallback<ShowToast>(
    (text, more) => {
      const id = next.current++;
      // at most three, because more would cover the page
      setToasts((all) => [...all.slice(-2), { kind: "done", ...more, id, text }]);
      setTimeout(dismiss, SHOWN_MS, id);
    },
    [dismiss],
  );
  return (
    <Context value={showToast}>
      {children}
      <div className="toasts" role="status" aria-live="polite">
        {toasts.map(({ id, text, kind, action }) => (
          <div key={id} className={`toast ${kind}`}>
            <span>{text}</span>
            {action && (
              <button
                onClick={() => {
                  action.run();
                  dismiss(id);
                }}
              >
                {action.label}
              </button>
            )}
            <button className="icon" aria-label={t.dismiss} onClick={() => dismiss(id)}>
              <Icon of={X} />
            </button>
          </div>
        ))}
      </div>
    </Context>
  );
}
