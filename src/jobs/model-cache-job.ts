import pLimit from "p-limit";
import { targetsOf } from "../domain/instances/instance-repository.js";
import { modelsToAsk, saveModelDetails } from "../domain/invocations/model-repository.js";
import { readWholeAnswer } from "../infra/instances/instance-body.js";
import { type InstanceClient, openInstanceClient } from "../infra/instances/instance-client.js";
import type { Db } from "../infra/postgres/client.js";
import type { Config } from "../kernel/config/schema.js";
import { parseJson, stringifyJson } from "../wire/json.js";
import type { Keypair } from "../wire/keypair.js";
import type { Job, JobResult, JobRun } from "./job.js";

interface ModelCacheDeps {
  readonly db: Db;
  readonly config: Config;
  /** The validator hotkey: signs every call to an instance. */
  readonly signer: Keypair;
}

/** How old what an engine said may get before it is asked again. */
const DETAILS_MS = 300_000;
const ASKED_AT_ONCE = 8;
const ASK_TIMEOUT_MS = 5000;
const MOST_DETAILS_CHARACTERS = 65_536;
const BODY = Buffer.from('{"json":{},"params":{}}');

/** Asks the engines of public language models what they serve. A model whose engines are silent keeps its last answer. @see protocol 04 §12.1, 10 §6 */
export function modelCacheJob(deps: ModelCacheDeps): Job {
  return {
    name: "model-list",
    summary: "Ask the engines of public language models what they serve",
    everySeconds: deps.config.jobs.modelListSeconds,
    timeoutSeconds: 120,
    critical: false,
    run: (run) => askEngines(deps, run),
  };
}

async function askEngines({ db, config, signer }: ModelCacheDeps, run: JobRun): Promise<JobResult> {
  const at = run.now();
  const ids = await modelsToAsk(db, config.platformUsername, new Date(at.getTime() - DETAILS_MS));
  const instances = openInstanceClient({ signer, connectTimeoutMs: ASK_TIMEOUT_MS });
  const limit = pLimit(ASKED_AT_ONCE);
  try {
    const asked = ids.map((chuteId) =>
      limit(async () => [chuteId, await ask(db, { instances, run, chuteId })] as const),
    );
    const answers = await Promise.all(asked);
    const details = new Map(answers.filter((answer): answer is readonly [string, string] => answer[1] !== undefined));
    await db.transaction().execute(async (tx) => {
      await run.guard(tx);
      await saveModelDetails(tx, details, at);
    });
    return { items: details.size, details: { silent: ids.length - details.size } };
  } finally {
    await instances.close();
  }
}

interface Question {
  readonly instances: InstanceClient;
  readonly run: JobRun;
  readonly chuteId: string;
}

/** First entry of the list of an engine, as JSON; undefined when it does not answer with one. */
async function ask(db: Db, { instances, run, chuteId }: Question): Promise<string | undefined> {
  if (run.signal.aborted) return undefined;
  const targets = await targetsOf(db, chuteId);
  const target = targets[Math.floor(Math.random() * targets.length)];
  if (target === undefined) return undefined;
  try {
    const signal = AbortSignal.any([run.signal, AbortSignal.timeout(ASK_TIMEOUT_MS)]);
    const call = { path: "/get_models", body: BODY, signal, silenceMs: ASK_TIMEOUT_MS, now: run.now() };
    const answer = await readWholeAnswer(await instances.call(target, call));
    return storable(parseJson(answer.bytes));
  } catch (error) {
    run.log.info({ err: error, chuteId, instanceId: target.instanceId }, "an engine did not say what it serves");
    return undefined;
  }
}

/** The database refuses NUL in texts; instances write what they like. */
function storable(answer: unknown): string | undefined {
  const { data } = Object(answer) as { data?: unknown };
  const first: unknown = Array.isArray(data) ? data[0] : undefined;
  if (typeof first !== "object" || first === null || Array.isArray(first)) return undefined;
  const text = stringifyJson(first);
  return text.length > MOST_DETAILS_CHARACTERS || /\\u0000|\\ud[89a-f]/i.test(text) ? undefined : text;
}
