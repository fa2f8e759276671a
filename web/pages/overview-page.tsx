import { type Account, type QuotaUse, readAccount, readQuotaUse } from "../api/account.js";
import { useSession } from "../app/session.js";
import { useLoaded } from "../app/use-loaded.js";
import { Copyable } from "../parts/copyable.js";
import { count, rate, usd } from "../parts/formats.js";
import { PageHead } from "../parts/page-head.js";
import { Resource } from "../parts/states.js";
import { UsageSection } from "./usage-section.js";

export function OverviewPage() {
  const { api, account } = useSession();
  const fresh = useLoaded((signal) => readAccount(api, signal), [api]);
  const quota = useLoaded((signal) => readQuotaUse(api, signal), [api]);
  return (
    <>
      <PageHead title={`Hello, ${account.username}`} intro="What your account holds and what it used." />
      <div class="cards">
        <section class="card" aria-labelledby="balance-title">
          <h2 id="balance-title" class="card-title">
            Balance
          </h2>
          <Resource of={fresh} what="the balance">
            {(now) => <Balance account={now} />}
          </Resource>
        </section>
        <section class="card" aria-labelledby="quota-title">
          <h2 id="quota-title" class="card-title">
            Quota used today
          </h2>
          <Resource of={quota} what="the quota">
            {(use) => <Quota use={use} />}
          </Resource>
        </section>
      </div>
      <UsageSection />
    </>
  );
}

function Balance({ account }: { account: Account }) {
  return (
    <>
      <p class="figure">{usd(account.balanceUsd)}</p>
      <p class="label">Send TAO to this address to top up; it is credited in US dollars.</p>
      <Copyable text={account.paymentAddress} what="payment address" />
    </>
  );
}

function Quota({ use: { limit, used } }: { use: QuotaUse }) {
  if (limit === undefined)
    return (
      <>
        <p class="figure">Unlimited</p>
        <p class="label">Calls of this account are not counted against a quota.</p>
      </>
    );
  return (
    <>
      <p class="figure">
        {rate(used)} <small>of {count(limit)} free calls</small>
      </p>
      <progress class="meter" max={Math.max(limit, 1)} value={Math.min(used, limit)} aria-label="Quota used today" />
      <p class="label">
        {limit === 0
          ? "This account has no free calls; calls are paid from the balance."
          : "Starts again at midnight UTC. Further calls are paid from the balance."}
      </p>
    </>
  );
}
