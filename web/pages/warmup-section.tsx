import { useEffect } from "preact/hooks";
import type { ChuteDetail } from "../api/chutes.js";
import { useWarmup } from "../app/use-warmup.js";
import { Icon } from "../parts/icon.js";

interface WarmupProps {
  readonly chute: ChuteDetail;
  readonly onHot: () => void;
}

/** Asks miners for the chute and shows what happens. */
export function WarmupSection({ chute, onHot }: WarmupProps) {
  const { lines, state, start, stop } = useWarmup(chute.id);
  const isRunning = state === "running";
  useEffect(() => {
    if (state === "hot") onHot();
  }, [state, onHot]);
  return (
    <section class="card" aria-labelledby="warmup-title">
      <div class="card-head">
        <h2 id="warmup-title" class="card-title">
          Warm-up
        </h2>
        <button type="button" class={isRunning ? "button" : "button primary"} onClick={isRunning ? stop : start}>
          <Icon name={isRunning ? "stop" : "play"} />
          {isRunning ? "Stop watching" : "Warm up"}
        </button>
      </div>
      {lines.length === 0 ? (
        <p class="label">
          {chute.isHot ? "The chute is hot already." : "Offers a bounty to miners, and shows here what they do."}
        </p>
      ) : (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: a scrolling region must be reachable by keyboard
        <div class="log" role="log" aria-label="Warm-up log" tabIndex={0}>
          {lines.map(({ id, at, kind, text }) => (
            <p key={id} class={`log-line ${kind}`}>
              <time dateTime={at.toISOString()}>{at.toLocaleTimeString("en", { hour12: false })}</time>
              <span class="log-kind">{kind}</span>
              <span>{text}</span>
            </p>
          ))}
        </div>
      )}
    </section>
  );
}
