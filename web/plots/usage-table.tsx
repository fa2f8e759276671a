import { bucketLabel, count, usd } from "../parts/formats.js";
import { SPANS, type UsageSeries } from "./usage-series.js";

/** The plot's numbers for whoever cannot or does not want to read the plot. Steps without calls are left out. */
export function UsageTable({ series }: { series: UsageSeries }) {
  const { unit } = SPANS[series.span];
  const steps = series.steps.filter(({ calls }) => calls > 0).toReversed();
  return (
    <details class="numbers">
      <summary>The same as a table</summary>
      <table class="table">
        <caption class="hidden">Usage by {unit}, newest first</caption>
        <thead>
          <tr>
            <th scope="col">{unit === "hour" ? "Hour" : "Day"}</th>
            <th scope="col" class="number">
              Calls
            </th>
            <th scope="col" class="number">
              Spend
            </th>
          </tr>
        </thead>
        <tbody>
          {steps.map(({ start, calls, amountUsd }) => (
            <tr key={start.getTime()}>
              <th scope="row" data-label={unit === "hour" ? "Hour" : "Day"}>
                {bucketLabel(start, unit)}
              </th>
              <td class="number" data-label="Calls">
                {count(calls)}
              </td>
              <td class="number" data-label="Spend">
                {usd(amountUsd)}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </details>
  );
}
