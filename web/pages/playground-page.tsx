import { useState } from "preact/hooks";
import { listChutes } from "../api/chutes.js";
import { useRouter } from "../app/router.js";
import { useSession } from "../app/session.js";
import type { ChatSettings } from "../app/use-conversation.js";
import { useLoaded } from "../app/use-loaded.js";
import { Icon } from "../parts/icon.js";
import { PageHead } from "../parts/page-head.js";
import { Resource } from "../parts/states.js";
import { ChatControls } from "./chat-controls.js";
import { Composer } from "./composer.js";
import { ConversationLog } from "./conversation-log.js";

const MOST_MODELS = 200;
const DEFAULTS = { system: "", maxTokens: 512, temperature: 0.7 };

export function PlaygroundPage() {
  const { api, conversation } = useSession();
  const asked = useRouter().query.get("chute") ?? undefined;
  const [settings, setSettings] = useState<ChatSettings>({ ...DEFAULTS, model: asked ?? "" });
  const models = useLoaded(
    async (signal) => {
      const query = { includePublic: true, name: "", page: 0, limit: MOST_MODELS, template: "vllm" };
      const { chutes } = await listChutes(api, query, signal);
      const first = chutes.find(({ isHot }) => isHot) ?? chutes[0];
      setSettings((now) => (now.model === "" && first !== undefined ? { ...now, model: first.id } : now));
      return chutes;
    },
    [api],
  );
  return (
    <div class="playground">
      <PageHead title="Playground" intro="Ask a model. The conversation stays in this tab's memory only.">
        <button
          type="button"
          class="button"
          disabled={conversation.turns.length === 0}
          onClick={() => conversation.clear()}
        >
          <Icon name="trash" />
          Clear
        </button>
      </PageHead>
      <div class="playground-body">
        <section class="card chat" aria-label="Conversation">
          <ConversationLog turns={conversation.turns} />
          <Composer
            isStreaming={conversation.isStreaming}
            isReady={settings.model.trim() !== ""}
            onSend={(text) => conversation.send(text, settings)}
            onStop={conversation.stop}
          />
        </section>
        <section class="card controls" aria-label="How to ask">
          <Resource of={models} what="models">
            {(chutes) => <ChatControls chutes={chutes} settings={settings} onChange={setSettings} />}
          </Resource>
        </section>
      </div>
    </div>
  );
}
