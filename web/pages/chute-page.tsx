import { useState } from "preact/hooks";
import { type ChuteDetail, readChute } from "../api/chutes.js";
import { useRouter } from "../app/router.js";
import { playgroundPath } from "../app/routes.js";
import { useSession } from "../app/session.js";
import { useLiveChutes } from "../app/use-live-chutes.js";
import { useLoaded } from "../app/use-loaded.js";
import { HotBadge } from "../parts/hot-badge.js";
import { Icon } from "../parts/icon.js";
import { Link } from "../parts/link.js";
import { LiveMark } from "../parts/live-mark.js";
import { PageHead } from "../parts/page-head.js";
import { Resource } from "../parts/states.js";
import { ChuteCode } from "./chute-code.js";
import { ChuteFacts } from "./chute-facts.js";
import { CordTable } from "./cord-table.js";
import { DeleteChuteDialog } from "./delete-chute-dialog.js";
import { InstanceTable } from "./instance-table.js";
import { ShareDialog } from "./share-dialog.js";
import { WarmupSection } from "./warmup-section.js";

export function ChutePage({ chuteId }: { chuteId: string }) {
  const { api } = useSession();
  const chute = useLoaded((signal) => readChute(api, chuteId, signal), [api, chuteId]);
  useLiveChutes([chuteId], chute.reload);
  return (
    <>
      <Link to="/console/chutes" class="back">
        <Icon name="back" />
        All chutes
      </Link>
      <Resource of={chute} what="the chute">
        {(value) => <Detail chute={value} reload={chute.reload} />}
      </Resource>
    </>
  );
}

function Detail({ chute, reload }: { chute: ChuteDetail; reload: () => void }) {
  const { account } = useSession();
  return (
    <>
      <PageHead title={chute.name} intro={chute.tagline || undefined}>
        <HotBadge chute={chute} />
        <LiveMark />
      </PageHead>
      <Actions chute={chute} isOwn={chute.owner.userId === account.userId} />
      <ChuteFacts chute={chute} />
      <WarmupSection chute={chute} onHot={reload} />
      <InstanceTable instances={chute.instances} />
      <CordTable chute={chute} />
      {chute.readme !== "" && (
        <section class="card" aria-labelledby="readme-title">
          <h2 id="readme-title" class="card-title">
            Read me
          </h2>
          <p class="readme">{chute.readme}</p>
        </section>
      )}
      <ChuteCode chuteId={chute.id} />
    </>
  );
}

function Actions({ chute, isOwn }: { chute: ChuteDetail; isOwn: boolean }) {
  const { go } = useRouter();
  const [open, setOpen] = useState<"share" | "delete">();
  const close = () => setOpen(undefined);
  return (
    <div class="toolbar">
      {chute.template === "vllm" && (
        <Link to={playgroundPath(chute.id)} class="button primary">
          <Icon name="chat" />
          Open in the playground
        </Link>
      )}
      {isOwn && !chute.isPublic && (
        <button type="button" class="button" onClick={() => setOpen("share")}>
          <Icon name="share" />
          Share
        </button>
      )}
      {isOwn && (
        <button type="button" class="button danger-quiet" onClick={() => setOpen("delete")}>
          <Icon name="trash" />
          Delete
        </button>
      )}
      {open === "share" && <ShareDialog chute={chute} onClose={close} />}
      {open === "delete" && <DeleteChuteDialog chute={chute} onClose={close} onDeleted={() => go("/console/chutes")} />}
    </div>
  );
}
