import { apiUrl } from "../../kernel/config/api-url.js";
import { pause } from "../../kernel/lifecycle.js";
import { TEMPLATE_CORDS } from "../../wire/cords.js";
import { signedHeaders } from "../../wire/headers.js";
import { chuteIdOf } from "../../wire/ids.js";
import { DEMO_IMAGE } from "../seed.js";
import { post } from "./account-steps.js";
import { expectThat, found, type TourState } from "./tour-state.js";

const ACTIVE_TIMEOUT_MS = 60_000;

/** Deploys with the SDK's own body. @see protocol 03 §5.1 */
export async function deployChute(state: TourState): Promise<void> {
  const answer = await post(state, "/chutes/", JSON.stringify(deployBody(state.chuteName)));
  expectThat(answer.status === 200, `deploying answered ${answer.status}: ${JSON.stringify(answer.body)}`);
  const { chute_id, slug } = answer.body as { chute_id?: string; slug?: string };
  const local = chuteIdOf(state.username, state.chuteName);
  expectThat(chute_id === local, `the platform says chute ${chute_id}, the SDK computes ${local}`);
  state.chute = { chuteId: local, slug: slug ?? "" };
}

/** The order and the members of the SDK's request; its default selector and the vLLM template's cords. */
function deployBody(name: string) {
  return {
    name,
    tagline: "",
    readme: "",
    logo_id: null,
    image: DEMO_IMAGE.reference,
    public: false,
    standard_template: "vllm",
    node_selector: {
      gpu_count: 1,
      min_vram_gb_per_gpu: 16,
      max_hourly_price_per_gpu: null,
      include: null,
      exclude: null,
    },
    filename: "tour_app.py",
    ref_str: "tour_app:chute",
    code: 'from chutes.chute import Chute\n\nchute = Chute(username="tour", name="tour")\n',
    concurrency: 8,
    max_instances: 1,
    scaling_threshold: 0.75,
    shutdown_after_seconds: 300,
    allow_external_egress: false,
    encrypted_fs: false,
    tee: false,
    lock_modules: null,
    revision: "0123456789abcdef0123456789abcdef01234567",
    cords: TEMPLATE_CORDS.vllm,
    jobs: [],
  };
}

/** Polls as `chutes warmup` does; the poll itself offers the bounty that makes a miner take a private chute. @see protocol 03 §16 */
export async function waitUntilActive(state: TourState): Promise<void> {
  const { chuteId } = found(state.chute, "chute");
  const deadline = performance.now() + ACTIVE_TIMEOUT_MS;
  let last = "";
  while (performance.now() < deadline && !state.signal.aborted) {
    const answer = await state.http.requestJson(`${apiUrl(state.config)}/chutes/warmup/${chuteId}?quick=true`, {
      headers: signedHeaders(state.hotkey, { purpose: "chutes" }, new Date()),
      signal: state.signal,
    });
    expectThat(answer.status === 200, `warmup answered ${answer.status}: ${JSON.stringify(answer.body)}`);
    last = JSON.stringify(answer.body);
    if ((answer.body as { status?: string }).status === "hot") return;
    await pause(250, state.signal);
  }
  expectThat(false, `no instance became active within ${ACTIVE_TIMEOUT_MS / 1000} s; last answer ${last}`);
}

/** Gives the GPU back, so that the tour can be walked again and again. */
export async function deleteChute(state: TourState): Promise<void> {
  if (state.chute === undefined) return;
  const headers = signedHeaders(state.hotkey, { purpose: "chutes" }, new Date());
  await state.http.request(`${apiUrl(state.config)}/chutes/${state.chute.chuteId}`, { method: "DELETE", headers });
}
