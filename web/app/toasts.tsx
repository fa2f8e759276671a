import { type ComponentChildren, createContext } from "preact";
import { useCallback, useContext, useState } from "preact/hooks";

interface Toast {
  readonly id: number;
  readonly text: string;
}

type Say = (text: string) => void;

const ToastContext = createContext<Say>(() => undefined);
const SHOWN_MS = 5000;
const MOST_SHOWN = 4;

/** Short messages about what was just done; also read aloud by screen readers. */
export function ToastProvider({ children }: { children: ComponentChildren }) {
  const [toasts, setToasts] = useState<readonly Toast[]>([]);
  const say = useCallback((text: string) => {
    const toast = { id: Math.random(), text };
    setToasts((before) => [...before.slice(1 - MOST_SHOWN), toast]);
    setTimeout(() => setToasts((before) => before.filter(({ id }) => id !== toast.id)), SHOWN_MS);
  }, []);
  return (
    <ToastContext.Provider value={say}>
      {children}
      <div class="toasts" role="status">
        {toasts.map(({ id, text }) => (
          <p class="toast" key={id}>
            {text}
          </p>
        ))}
      </div>
    </ToastContext.Provider>
  );
}

export function useToast(): Say {
  return useContext(ToastContext);
}
