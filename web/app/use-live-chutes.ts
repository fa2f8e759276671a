import { useEffect } from "preact/hooks";
import { useSession } from "./session.js";

/** Events of one change come in bursts. */
const BURST_MS = 250;
/** How often is looked while the event stream is away, and as a safety net while it is there. */
const POLL_AWAY_MS = 8000;
const POLL_CONNECTED_MS = 60_000;

/** Reads chutes again when something happens to one of them. */
export function useLiveChutes(chuteIds: readonly string[], reload: () => void): void {
  const { events } = useSession();
  const wanted = chuteIds.join(" ");
  useEffect(() => {
    let burst: ReturnType<typeof setTimeout> | undefined;
    const stop = events.subscribe(({ chuteId }) => {
      if (chuteId === undefined || !wanted.includes(chuteId)) return;
      clearTimeout(burst);
      burst = setTimeout(reload, BURST_MS);
    });
    return () => {
      stop();
      clearTimeout(burst);
    };
  }, [events.subscribe, wanted, reload]);
  useEffect(() => {
    const timer = setInterval(reload, events.isConnected ? POLL_CONNECTED_MS : POLL_AWAY_MS);
    return () => clearInterval(timer);
  }, [events.isConnected, reload]);
}
