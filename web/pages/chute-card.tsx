import type { Chute } from "../api/chutes.js";
import { chutePath } from "../app/routes.js";
import { useSession } from "../app/session.js";
import { count, usd } from "../parts/formats.js";
import { HotBadge } from "../parts/hot-badge.js";
import { Link } from "../parts/link.js";

export function ChuteCard({ chute }: { chute: Chute }) {
  const { account } = useSession();
  const isOwn = chute.owner.userId === account.userId;
  const active = chute.instances.filter((instance) => instance.active).length;
  return (
    <li class="card chute-card">
      <div class="card-head">
        <h2 class="chute-name">
          <Link to={chutePath(chute.id)}>{chute.name}</Link>
        </h2>
        <HotBadge chute={chute} />
      </div>
      <p class="tagline">{chute.tagline || "No tagline."}</p>
      <ul class="chips">
        {isOwn && <li class="badge strong">Yours</li>}
        <li class="badge">{chute.isPublic ? "Public" : "Private"}</li>
        {chute.template !== undefined && <li class="badge">{chute.template}</li>}
      </ul>
      <dl class="facts">
        <div>
          <dt>Instances</dt>
          <dd>
            {count(active)} <small>of {count(chute.instances.length)}</small>
          </dd>
        </div>
        <div>
          <dt>Calls, last day</dt>
          <dd>{count(chute.callsYesterday)}</dd>
        </div>
        <div>
          <dt>{chute.millionTokensUsd === undefined ? "Per hour" : "Per M tokens"}</dt>
          <dd>{priceWords(chute)}</dd>
        </div>
      </dl>
    </li>
  );
}

function priceWords({ millionTokensUsd, hourUsd }: Chute): string {
  const price = millionTokensUsd?.output ?? hourUsd;
  return price === undefined ? "–" : usd(price);
}
