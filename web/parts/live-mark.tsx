import { useSession } from "../app/session.js";

/** Whether changes are seen at once or by looking again. */
export function LiveMark() {
  const { isConnected } = useSession().events;
  return (
    <span class={isConnected ? "live on" : "live"} role="status">
      <span class="dot" aria-hidden="true" />
      {isConnected ? "Live" : "Checking every few seconds"}
    </span>
  );
}
