import { useEffect, useRef, useState } from "preact/hooks";
import type uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { useAppearance } from "../app/theme.js";
import { bucketLabel, count, plural, tickLabel, usd } from "../parts/formats.js";
import { plotOptions } from "./plot-options.js";
import { SPANS, type UsageSeries } from "./usage-series.js";

interface UsagePlotProps {
  readonly series: UsageSeries;
  readonly measure: "calls" | "amountUsd";
}

/** Bars over time; what the pointer is on is written above them. */
export function UsagePlot({ series, measure }: UsagePlotProps) {
  const holder = useRef<HTMLDivElement>(null);
  const [hovered, setHovered] = useState<number | undefined>();
  const { scheme } = useAppearance();
  useEffect(() => {
    const element = holder.current;
    if (element === null) return;
    return drawInto(element, { series, measure, onHover: setHovered });
    // The colours are read when the plot is drawn, so it is drawn again when they change.
  }, [series, measure, scheme]);
  const { unit, words } = SPANS[series.span];
  const total = measure === "calls" ? plural(series.totalCalls, "call") : usd(series.totalUsd);
  return (
    <figure class="plot">
      <figcaption class="plot-readout" aria-hidden="true">
        {readout(series, hovered)}
      </figcaption>
      <div
        ref={holder}
        class="plot-canvas"
        role="img"
        aria-label={`${measure === "calls" ? "Calls" : "Spend"} by ${unit}, last ${words}: ${total} together. The table below has the numbers.`}
      />
    </figure>
  );
}

function readout({ steps, span }: UsageSeries, hovered: number | undefined): string {
  const step = steps[hovered ?? -1];
  if (step === undefined) return `by ${SPANS[span].unit}, UTC`;
  return `${bucketLabel(step.start, SPANS[span].unit)}: ${plural(step.calls, "call")}, ${usd(step.amountUsd)}`;
}

interface Drawing extends UsagePlotProps {
  readonly onHover: (index: number | undefined) => void;
}

/** Draws when the library is there, follows the width, and cleans up. */
function drawInto(element: HTMLElement, { series, measure, onHover }: Drawing): () => void {
  let plot: uPlot | undefined;
  let isGone = false;
  const fit = new ResizeObserver(() => plot?.setSize({ width: element.clientWidth, height: element.clientHeight }));
  const draw = ({ default: Plot }: { default: typeof uPlot }) => {
    if (isGone) return;
    const seconds = series.steps.map(({ start }) => start.getTime() / 1000);
    const values = series.steps.map((step) => step[measure]);
    const { unit, stepMs } = SPANS[series.span];
    const look = {
      element,
      format: measure === "calls" ? count : usd,
      formatTime: (start: Date) => tickLabel(start, unit),
      stepSeconds: stepMs / 1000,
      onHover,
    };
    plot = new Plot(plotOptions(Plot, look), [seconds, values], element);
    fit.observe(element);
  };
  import("uplot").then(draw, () => {
    element.textContent = "The plot could not be loaded. The table below has the numbers.";
  });
  return () => {
    isGone = true;
    fit.disconnect();
    plot?.destroy();
    onHover(undefined);
  };
}
