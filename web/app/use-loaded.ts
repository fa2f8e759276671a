import { useCallback, useEffect, useState } from "preact/hooks";
import { isAbort, wordsOf } from "../api/client.js";

/** Something that is read from the platform. An older value stays visible while it is read again. */
export interface Loaded<T> {
  readonly value: T | undefined;
  readonly error: string | undefined;
  readonly isLoading: boolean;
  reload(): void;
}

type Outcome<T> = Pick<Loaded<T>, "value" | "error" | "isLoading">;

/** Reads when the page appears, when `keys` change and on `reload`; what is no longer wanted is aborted. */
export function useLoaded<T>(load: (signal: AbortSignal) => Promise<T>, keys: readonly unknown[]): Loaded<T> {
  const [outcome, setOutcome] = useState<Outcome<T>>({ value: undefined, error: undefined, isLoading: true });
  const [turn, setTurn] = useState(0);
  useEffect(() => {
    const gone = new AbortController();
    setOutcome((before) => ({ ...before, isLoading: true }));
    load(gone.signal).then(
      (value) => !gone.signal.aborted && setOutcome({ value, error: undefined, isLoading: false }),
      (error: unknown) => {
        if (gone.signal.aborted || isAbort(error)) return;
        setOutcome((before) => ({ ...before, error: wordsOf(error), isLoading: false }));
      },
    );
    return () => gone.abort();
  }, [...keys, turn]);
  const reload = useCallback(() => setTurn((count) => count + 1), []);
  return { ...outcome, reload };
}
