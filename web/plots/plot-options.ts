import type uPlot from "uplot";

interface PlotLook {
  /** Its computed style holds the colours: `fill` of the bars, `color` of the labels, `outline-color` of the grid. */
  readonly element: HTMLElement;
  readonly format: (value: number) => string;
  readonly formatTime: (start: Date) => string;
  readonly stepSeconds: number;
  readonly onHover: (index: number | undefined) => void;
}

/** Bars on UTC time from zero upwards, without a legend of the library's own. */
export function plotOptions(Plot: typeof uPlot, look: PlotLook): uPlot.Options {
  const { element, format, formatTime, stepSeconds, onHover } = look;
  const { fill, color, outlineColor } = getComputedStyle(element);
  const font = "12px system-ui, sans-serif";
  const grid = { stroke: outlineColor, width: 1 };
  const paths = Plot.paths.bars?.({ size: [0.7, 28], radius: 0.25 });
  const axis = { stroke: color, font, ticks: { show: false } };
  return {
    width: element.clientWidth,
    height: element.clientHeight,
    padding: [12, 4, 0, 0],
    legend: { show: false },
    cursor: { y: false, points: { show: false }, drag: { x: false, y: false } },
    tzDate: (seconds) => Plot.tzDate(new Date(seconds * 1000), "Etc/UTC"),
    scales: {
      // Half a step on both sides, or the outer bars would be cut.
      x: { range: (_plot, first, last) => [first - stepSeconds / 2, last + stepSeconds / 2] },
      y: { range: (_plot, _least, most) => [0, most > 0 ? most * 1.1 : 1] },
    },
    axes: [
      {
        ...axis,
        grid: { show: false },
        space: 70,
        size: 28,
        values: (_plot, values) => values.map((seconds) => formatTime(new Date(seconds * 1000))),
      },
      { ...axis, grid, size: 64, values: (_plot, values) => values.map((value) => format(value)) },
    ],
    series: [{}, { fill, stroke: fill, width: 0, points: { show: false }, ...(paths !== undefined && { paths }) }],
    hooks: { setCursor: [({ cursor }) => onHover(cursor.idx ?? undefined)] },
  };
}
