import { readChute } from "../api/chutes.js";
import type { Api } from "../api/client.js";
import { readUsage } from "../api/usage.js";
import { chutePath } from "../app/routes.js";
import { useSession } from "../app/session.js";
import { useLoaded } from "../app/use-loaded.js";
import { count, usd } from "../parts/formats.js";
import { Link } from "../parts/link.js";
import { Resource } from "../parts/states.js";
import { type ChuteTotal, type Span, sinceOf, totalsByChute } from "../plots/usage-series.js";

const MOST_ROWS = 1000;
const MOST_SHOWN = 8;

/** Which chutes the calls went to, the busiest first. */
export function UsageByChute({ span }: { span: Span }) {
  const { api } = useSession();
  const totals = useLoaded(
    async (signal) => {
      const query = { since: sinceOf(span, new Date()), perChute: true, limit: MOST_ROWS };
      const busiest = totalsByChute(await readUsage(api, query, signal)).slice(0, MOST_SHOWN);
      return Promise.all(busiest.map((total) => named(api, total, signal)));
    },
    [api, span],
  );
  return (
    <Resource of={totals} what="usage by chute">
      {(rows) => (
        <table class="table">
          <caption>By chute</caption>
          <thead>
            <tr>
              <th scope="col">Chute</th>
              <th scope="col" class="number">
                Calls
              </th>
              <th scope="col" class="number">
                Spend
              </th>
            </tr>
          </thead>
          <tbody>
            {rows.map(({ chuteId, name, calls, amountUsd }) => (
              <tr key={chuteId}>
                <th scope="row" data-label="Chute">
                  {name === undefined ? "A chute that is gone" : <Link to={chutePath(chuteId)}>{name}</Link>}
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
      )}
    </Resource>
  );
}

/** Deleted chutes have no name any more. */
async function named(api: Api, total: ChuteTotal, signal: AbortSignal): Promise<ChuteTotal & { name?: string }> {
  try {
    const { name } = await readChute(api, total.chuteId, signal);
    return { ...total, name };
  } catch {
    return total;
  }
}
