import { type Static, type TSchema, Type } from "typebox";
import { Value } from "typebox/value";
import type { HttpAnswer, HttpClient } from "../infra/http-client/client.js";
import { AppError, type ErrorKind } from "../kernel/errors.js";
import { type Signed, signedHeaders } from "../wire/headers.js";
import { parseJson, stringifyJson } from "../wire/json.js";
import type { Keypair } from "../wire/keypair.js";
import { lineRecords } from "./line-records.js";
import { type MinerChute, minerChute, type RemoteInstance, remoteInstance } from "./records.js";

/** Lists hold every chute of the platform. */
const MAX_LIST_BYTES = 256 * 1024 * 1024;
const SHOWN_DETAIL = 300;

const KIND_OF_STATUS: Readonly<Record<number, ErrorKind>> = {
  400: "invalid",
  401: "unauthorized",
  403: "forbidden",
  404: "not_found",
  409: "conflict",
  410: "gone",
  422: "invalid",
  423: "locked_resource",
  429: "rate_limited",
};

export interface PlatformApiDeps {
  /** Base URL without trailing slash. */
  readonly api: string;
  readonly keypair: Keypair;
  readonly http: HttpClient;
  readonly now: () => Date;
  readonly signal: AbortSignal;
}

const NodesAnswer = Type.Object({ task_id: Type.String() });
const TaskAnswer = Type.Object({
  status: Type.String(),
  detail: Type.Optional(Type.Unknown()),
  error: Type.Optional(Type.Unknown()),
});
const LaunchAnswer = Type.Object({ token: Type.String(), config_id: Type.String() });
const RollingUpdate = Type.Object({ chute_id: Type.String() });
const NodeRecord = Type.Object({
  uuid: Type.String(),
  verified_at: Type.Optional(Type.Union([Type.String(), Type.Null()])),
});

/**
 * The calls a miner makes with its hotkey. Each throws AppError: the kind of the platform's refusal, or `unavailable` when it
 * cannot be reached or answers nonsense. @see protocol 05 §1.1, §3, §4, §6
 */
export class PlatformApi {
  readonly #deps: PlatformApiDeps;

  constructor(deps: PlatformApiDeps) {
    this.#deps = deps;
  }

  /** All chutes; undefined for "no news". */
  async chutes(): Promise<MinerChute[] | undefined> {
    return (await this.#list("/miner/chutes/"))?.map(minerChute).filter((chute) => chute !== undefined);
  }

  /** One version of a chute; undefined when it is not the current one. */
  async chute(chuteId: string, version: string): Promise<MinerChute | undefined> {
    const path = `/miner/chutes/${encodeURIComponent(chuteId)}/${encodeURIComponent(version)}`;
    return minerChute(await this.#get(path, "miner").catch(undefinedWhenAbsent));
  }

  /** The miner's instances; undefined for "no news". */
  async instances(): Promise<RemoteInstance[] | undefined> {
    const records = await this.#list("/miner/instances/?explicit_null=True");
    return records?.map(remoteInstance).filter((instance) => instance !== undefined);
  }

  /** The miner's GPUs in the inventory: uuid → whether it is verified. */
  async nodes(): Promise<Map<string, boolean>> {
    const records = (await this.#list("/miner/nodes/")) ?? [];
    const nodes = records.filter((record) => Value.Check(NodeRecord, record));
    return new Map(nodes.map(({ uuid, verified_at }) => [uuid, (verified_at ?? null) !== null]));
  }

  /** Adds GPUs to the inventory. @returns id of the verification task */
  async addNodes(body: Record<string, unknown>): Promise<string> {
    const answer = await this.#send("POST", "/nodes/", stringifyJson(body));
    return checkedAnswer(NodesAnswer, answer).task_id;
  }

  /** State of a verification task. */
  async nodeTask(taskId: string): Promise<Static<typeof TaskAnswer>> {
    const path = `/nodes/verification_status?task_id=${encodeURIComponent(taskId)}`;
    return checkedAnswer(TaskAnswer, await this.#get(path, "graval"));
  }

  async deleteNode(uuid: string): Promise<void> {
    await this.#call("DELETE", `/nodes/${uuid}`, { purpose: "nodes" }).catch(undefinedWhenAbsent);
  }

  /** Permission to launch one instance of a chute. */
  async launchConfig(chuteId: string): Promise<{ token: string; configId: string }> {
    const answer = await this.#get(`/instances/launch_config?chute_id=${encodeURIComponent(chuteId)}`, "launch");
    const { token, config_id } = checkedAnswer(LaunchAnswer, answer);
    return { token, configId: config_id };
  }

  /** Deleting what is gone already is fine. */
  async deleteInstance({ chuteId, instanceId }: Pick<RemoteInstance, "chuteId" | "instanceId">): Promise<void> {
    const path = `/instances/${encodeURIComponent(chuteId)}/${encodeURIComponent(instanceId)}`;
    await this.#call("DELETE", path, { purpose: "instances" }).catch(undefinedWhenAbsent);
  }

  /** Ids of chutes whose instances are being replaced right now. */
  async rollingUpdates(): Promise<Set<string>> {
    const answer = await this.#deps.http.request(`${this.#deps.api}/chutes/rolling_updates`, {
      signal: this.#deps.signal,
    });
    const updates = checkedAnswer(Type.Array(RollingUpdate), jsonOf(answer));
    return new Set(updates.map(({ chute_id }) => chute_id));
  }

  async #list(path: string): Promise<unknown[] | undefined> {
    const answer = await this.#call("GET", path, { purpose: "miner" });
    return lineRecords(answer.body.toString("utf8"));
  }

  async #get(path: string, purpose: string): Promise<unknown> {
    return jsonOf(await this.#call("GET", path, { purpose }));
  }

  async #send(method: "POST", path: string, body: string): Promise<unknown> {
    return jsonOf(await this.#call(method, path, { body }));
  }

  async #call(method: "GET" | "POST" | "DELETE", path: string, signed: Signed): Promise<HttpAnswer<Buffer>> {
    const { api, http, keypair, now, signal } = this.#deps;
    const sent = "body" in signed ? { body: signed.body } : {};
    const headers = { ...signedHeaders(keypair, signed, now()), ...("body" in signed && JSON_BODY) };
    return accepted(await http.request(api + path, { method, headers, signal, maxBytes: MAX_LIST_BYTES, ...sent }));
  }
}

const JSON_BODY = { "content-type": "application/json" };

/** The answer itself when its status is 2xx. Throws AppError with the platform's own words otherwise. */
export function accepted(answer: HttpAnswer<Buffer>): HttpAnswer<Buffer> {
  if (answer.status >= 200 && answer.status < 300) return answer;
  const kind = KIND_OF_STATUS[answer.status] ?? "unavailable";
  throw new AppError(kind, `the platform answered ${answer.status}: ${detailOf(answer.body)}`);
}

/** JSON of an accepted answer, 64-bit integers intact. Throws AppError `unavailable` when it is none. */
export function jsonOf(answer: HttpAnswer<Buffer>): unknown {
  const { body } = accepted(answer);
  try {
    return parseJson(body);
  } catch (cause) {
    throw new AppError("unavailable", "the platform answered with something that is not JSON", { cause });
  }
}

/** The answer, typed. Throws AppError `unavailable` when a member that is needed is missing. */
export function checkedAnswer<T extends TSchema>(schema: T, answer: unknown): Static<T> {
  if (Value.Check(schema, answer)) return answer;
  const problem = Value.Errors(schema, answer)[0];
  throw new AppError("unavailable", `the platform's answer lacks something: ${problem?.message ?? "odd shape"}`);
}

function detailOf(body: Buffer): string {
  const text = body.toString("utf8");
  try {
    const parsed: unknown = JSON.parse(text);
    const detail: unknown = Reflect.get(Object(parsed), "detail");
    return (typeof detail === "string" ? detail : text).slice(0, SHOWN_DETAIL);
  } catch {
    return text.slice(0, SHOWN_DETAIL);
  }
}

function undefinedWhenAbsent(error: unknown): undefined {
  if (error instanceof AppError && error.kind === "not_found") return undefined;
  throw error;
}
