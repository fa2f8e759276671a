import type { ComponentChildren } from "preact";
import type { ChuteDetail } from "../api/chutes.js";
import { useSession } from "../app/session.js";
import { Copyable } from "../parts/copyable.js";
import { count, moment, plural, usd } from "../parts/formats.js";

export function ChuteFacts({ chute }: { chute: ChuteDetail }) {
  const { hosts } = useSession();
  return (
    <section class="card" aria-labelledby="facts-title">
      <h2 id="facts-title" class="card-title">
        About
      </h2>
      <dl class="facts wide-facts">
        <Fact name="Host">
          <Copyable text={hosts.chuteUrl(chute.slug)} what="host of the chute" />
        </Fact>
        <Fact name="Id">
          <Copyable text={chute.id} what="id of the chute" />
        </Fact>
        <Fact name="Owner">{chute.owner.username}</Fact>
        <Fact name="Who may call it">{chute.isPublic ? "Everybody" : "The owner and those it is shared with"}</Fact>
        <Fact name="Template">{chute.template ?? "None"}</Fact>
        <Fact name="Price">{priceWords(chute)}</Fact>
        <Fact name="Calls, last day">{count(chute.callsYesterday)}</Fact>
        <Fact name="Calls at once, per instance">{count(chute.concurrency)}</Fact>
        <Fact name="Image">{chute.image}</Fact>
        <Fact name="Bounty">{chute.bounty === undefined ? "None" : plural(chute.bounty, "compute unit")}</Fact>
        <Fact name="Updated">{moment(chute.updatedAt)}</Fact>
        <div class="whole-row">
          <dt>{chute.gpuCount === 1 ? "Runs on one of" : `Runs on ${count(chute.gpuCount)} of`}</dt>
          <dd class="chips">
            {chute.gpus.length === 0 && "No GPU of this platform fits."}
            {chute.gpus.map((gpu) => (
              <span class="badge" key={gpu}>
                {gpu}
              </span>
            ))}
          </dd>
        </div>
      </dl>
    </section>
  );
}

function Fact({ name, children }: { name: string; children: ComponentChildren }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

function priceWords({ hourUsd, millionTokensUsd }: ChuteDetail): string {
  const hour = hourUsd === undefined ? [] : [`${usd(hourUsd)} per hour of an instance`];
  const tokens =
    millionTokensUsd === undefined
      ? []
      : [`${usd(millionTokensUsd.input)} in and ${usd(millionTokensUsd.output)} out per million tokens`];
  return [...tokens, ...hour].join("; ") || "Not known";
}
