import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { listenToEvents, type PlatformEvent } from "../api/events.js";

type Listener = (event: PlatformEvent) => void;

export interface LiveEvents {
  readonly isConnected: boolean;
  /** Hears every event until the returned function is called. */
  subscribe(listener: Listener): () => void;
}

/** One connection to the platform's event stream for all pages. */
export function useLiveEvents(eventsUrl: string): LiveEvents {
  const listeners = useRef(new Set<Listener>());
  const [isConnected, setConnected] = useState(false);
  useEffect(
    () =>
      listenToEvents(eventsUrl, {
        onEvent: (event) => {
          for (const listener of listeners.current) listener(event);
        },
        onConnected: setConnected,
      }),
    [eventsUrl],
  );
  const subscribe = useCallback((listener: Listener) => {
    listeners.current.add(listener);
    return () => void listeners.current.delete(listener);
  }, []);
  return { isConnected, subscribe };
}
