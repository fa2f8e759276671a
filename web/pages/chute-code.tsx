import { useState } from "preact/hooks";
import { readCode } from "../api/chutes.js";
import { useSession } from "../app/session.js";
import { useLoaded } from "../app/use-loaded.js";
import { CodeBlock } from "../parts/code-block.js";
import { Resource } from "../parts/states.js";

/** The source, read only when it is wanted. */
export function ChuteCode({ chuteId }: { chuteId: string }) {
  const [isOpen, setOpen] = useState(false);
  return (
    <section class="card" aria-labelledby="code-title">
      <div class="card-head">
        <h2 id="code-title" class="card-title">
          Source
        </h2>
        <button type="button" class="button" aria-expanded={isOpen} onClick={() => setOpen(!isOpen)}>
          {isOpen ? "Hide the source" : "Show the source"}
        </button>
      </div>
      {isOpen && <Source chuteId={chuteId} />}
    </section>
  );
}

function Source({ chuteId }: { chuteId: string }) {
  const { api } = useSession();
  const code = useLoaded((signal) => readCode(api, chuteId, signal), [api, chuteId]);
  return (
    <Resource of={code} what="the source">
      {(text) => <CodeBlock code={text} what="source of the chute" />}
    </Resource>
  );
}
