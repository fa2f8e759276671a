import { useState } from "preact/hooks";
import { readUsage } from "../api/usage.js";
import { useSession } from "../app/session.js";
import { useLoaded } from "../app/use-loaded.js";
import { Choice } from "../parts/choice.js";
import { plural, usd } from "../parts/formats.js";
import { Link } from "../parts/link.js";
import { Empty, Resource } from "../parts/states.js";
import { UsagePlot } from "../plots/usage-plot.js";
import { SPANS, type Span, seriesOf, sinceOf } from "../plots/usage-series.js";
import { UsageTable } from "../plots/usage-table.js";
import { UsageByChute } from "./usage-by-chute.js";

export type Measure = "calls" | "amountUsd";

const MEASURES = [
  { value: "calls", label: "Calls" },
  { value: "amountUsd", label: "Spend" },
] as const;

const SPAN_OPTIONS = [
  { value: "hours", label: "48 hours" },
  { value: "days", label: "30 days" },
] as const;

/** More hours than the longest span has. */
const MOST_ROWS = 1000;

export function UsageSection() {
  const { api } = useSession();
  const [span, setSpan] = useState<Span>("hours");
  const [measure, setMeasure] = useState<Measure>("calls");
  const usage = useLoaded(
    async (signal) => {
      const now = new Date();
      const query = { since: sinceOf(span, now), perChute: false, limit: MOST_ROWS };
      return { span, series: seriesOf(await readUsage(api, query, signal), span, now) };
    },
    [api, span],
  );
  return (
    <section class="card usage" aria-labelledby="usage-title">
      <div class="card-head">
        <h2 id="usage-title" class="card-title">
          Usage
        </h2>
        <div class="actions">
          <Choice label="What to plot" options={MEASURES} value={measure} onChange={setMeasure} />
          <Choice label="How far back" options={SPAN_OPTIONS} value={span} onChange={setSpan} />
        </div>
      </div>
      <Resource of={usage} what="your usage">
        {({ series, span: shown }) =>
          series.totalCalls === 0 ? (
            <Empty icon="overview" title={`No calls in the last ${SPANS[shown].words}.`}>
              <p>Make one with an API key or in the playground; it shows here within a minute or two.</p>
              <Link to="/console/playground" class="button">
                Open the playground
              </Link>
            </Empty>
          ) : (
            <>
              <p class="figure">
                {measure === "calls" ? plural(series.totalCalls, "call") : usd(series.totalUsd)}{" "}
                <small>in the last {SPANS[shown].words}</small>
              </p>
              <UsagePlot series={series} measure={measure} />
              <UsageTable series={series} />
              <UsageByChute span={shown} />
            </>
          )
        }
      </Resource>
    </section>
  );
}
