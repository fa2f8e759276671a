import { useEffect, useState } from "preact/hooks";
import { type ChutePage, listChutes } from "../api/chutes.js";
import { useSession } from "../app/session.js";
import { useLiveChutes } from "../app/use-live-chutes.js";
import { useLoaded } from "../app/use-loaded.js";
import { Choice } from "../parts/choice.js";
import { plural } from "../parts/formats.js";
import { Icon } from "../parts/icon.js";
import { LiveMark } from "../parts/live-mark.js";
import { PageHead } from "../parts/page-head.js";
import { Pager } from "../parts/pager.js";
import { Empty, Resource } from "../parts/states.js";
import { useSettled } from "../parts/use-settled.js";
import { ChuteCard } from "./chute-card.js";

type Owner = "mine" | "all";

const OWNERS = [
  { value: "mine", label: "Yours" },
  { value: "all", label: "Yours and public" },
] as const;

const PAGE_SIZE = 24;
const TYPING_MS = 250;

export function ChutesPage() {
  const { api } = useSession();
  const [owner, setOwner] = useState<Owner>("all");
  const [search, setSearch] = useState("");
  const [page, setPage] = useState(0);
  const name = useSettled(search.trim(), TYPING_MS);
  useEffect(() => setPage(0), [owner, name]);
  const chutes = useLoaded(
    (signal) => listChutes(api, { includePublic: owner === "all", name, page, limit: PAGE_SIZE }, signal),
    [api, owner, name, page],
  );
  useLiveChutes(
    (chutes.value?.chutes ?? []).map(({ id }) => id),
    chutes.reload,
  );
  return (
    <>
      <PageHead title="Chutes" intro="Apps that run on miners. Hot ones answer at once; cold ones must be warmed up.">
        <LiveMark />
      </PageHead>
      <div class="toolbar">
        <Choice label="Whose chutes" options={OWNERS} value={owner} onChange={setOwner} />
        <label class="search">
          <span class="hidden">Search by name</span>
          <Icon name="search" />
          <input
            class="input"
            type="search"
            placeholder="Search by name"
            value={search}
            onInput={(event) => setSearch(event.currentTarget.value)}
          />
        </label>
      </div>
      <Resource of={chutes} what="chutes">
        {(found) => <Found found={found} isSearch={name !== ""} owner={owner} />}
      </Resource>
      <Pager page={page} total={chutes.value?.total ?? 0} size={PAGE_SIZE} onChange={setPage} />
    </>
  );
}

interface FoundProps {
  readonly found: ChutePage;
  readonly isSearch: boolean;
  readonly owner: Owner;
}

function Found({ found: { chutes, total }, isSearch, owner }: FoundProps) {
  if (chutes.length === 0 && isSearch) return <Empty icon="search" title="No chute has that in its name." />;
  if (chutes.length === 0)
    return (
      <Empty icon="chute" title={owner === "mine" ? "You have not deployed a chute yet." : "There are no chutes yet."}>
        <p>
          <code>chutes deploy my_app:chute</code> brings your app here.
        </p>
      </Empty>
    );
  return (
    <>
      <p class="hidden" role="status">
        {plural(total, "chute")} found
      </p>
      <ul class="grid">
        {chutes.map((chute) => (
          <ChuteCard key={chute.id} chute={chute} />
        ))}
      </ul>
    </>
  );
}
