import type { Chute } from "../api/chutes.js";

/** Whether a chute answers now; said in words, not only by colour. */
export function HotBadge({ chute }: { chute: Pick<Chute, "isHot" | "isDisabled" | "instances"> }) {
  if (chute.isDisabled) return <span class="badge">Disabled</span>;
  const isStarting = !chute.isHot && chute.instances.length > 0;
  if (isStarting)
    return (
      <span class="badge starting">
        <span class="dot" aria-hidden="true" />
        Starting
      </span>
    );
  return (
    <span class={chute.isHot ? "badge hot" : "badge cold"}>
      <span class="dot" aria-hidden="true" />
      {chute.isHot ? "Hot" : "Cold"}
    </span>
  );
}
