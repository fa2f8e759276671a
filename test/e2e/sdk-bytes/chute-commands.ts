import { chuteIdOf, imageIdOf } from "../../../src/wire/ids.js";
import type { Exchange } from "./account-commands.js";
import { compactJson, multipartFile, pythonQuery } from "./aiohttp.js";
import { ClientBroke, chutePage, events, type Json, members, page, success } from "./reading.js";
import { byBody, byPurpose, SDK_VERSION, type SdkUser, signed } from "./sdk.js";
import type { Answer } from "./socket.js";

/** A developer's source file as the SDK sees it. */
export interface App {
  readonly name: string;
  readonly image: { readonly name: string; readonly tag: string };
  readonly code: string;
  readonly public?: boolean;
  readonly logoId?: string;
}

/** `chutes deploy`, first request: the image must be built, and public for a public chute. @see protocol 03 §5.7 */
export function imageOf(app: App): Exchange<Json> {
  return {
    request: (me) => {
      const imageId = imageIdOf({ username: me.username, ...app.image });
      return byPurpose(me, "images", { method: "GET", target: `/images/${imageId}` });
    },
    read: (answer) => {
      const image = members(success(answer), { image_id: "string", status: "string", public: "boolean" });
      if (image["status"] !== "built and pushed") throw new ClientBroke(`status ${String(image["status"])}`);
      if (app.public === true && image["public"] !== true) throw new ClientBroke("the image is not public");
      return image;
    },
  };
}

/** `chutes deploy --public`: whether this account may. */
export const mayDeployPublicly: Exchange<boolean> = {
  request: (me) => byPurpose(me, "me", { method: "GET", target: "/users/me" }),
  read: (answer) => {
    const me = members(success(answer), { permissions_bitmask: "number", permissions: "object" }) as Json;
    const bit = (Number(me["permissions_bitmask"]) & 2048) !== 0;
    const sentence = (me["permissions"] as string[]).includes("Allow deploying models publicly.");
    return bit || sentence;
  },
};

/** `chutes deploy --logo F`: the whole multipart body is signed. @see protocol 01 §13 */
export function uploadLogo(filename: string, bytes: Buffer): Exchange<string> {
  return {
    request: (me) => {
      const { contentType, body } = multipartFile({ name: "logo", filename, contentType: "image/png", bytes });
      const headers = [
        ...signed(me, { raw: body }),
        ["Content-Type", contentType] as const,
        ["Content-Length", String(body.length)] as const,
      ];
      return { method: "POST", target: "/logos/", headers, body };
    },
    read: (answer) => String(members(success(answer), { logo_id: "string" })["logo_id"]),
  };
}

/** `chutes deploy mod:var [--accept-fee]`, last request: compact JSON with every member the SDK has. @see protocol 03 §5.1 */
export function deploy(app: App, { acceptFee }: { acceptFee: boolean }): Exchange<Json> {
  return {
    request: (me) => {
      const body = compactJson(deployBody(me, app));
      // Here the library is given text, not a Python boolean.
      return byBody(me, `/chutes/?accept_fee=${acceptFee}`, { body, more: [["X-Chutes-Version", SDK_VERSION]] });
    },
    read: (answer) => members(success(answer), { chute_id: "string", version: "string" }),
  };
}

function deployBody(me: SdkUser, app: App): object {
  return {
    name: app.name,
    tagline: "",
    readme: "",
    logo_id: app.logoId ?? null,
    image: imageIdOf({ username: me.username, ...app.image }),
    public: app.public ?? false,
    standard_template: null,
    node_selector: {
      gpu_count: 1,
      min_vram_gb_per_gpu: 24,
      max_hourly_price_per_gpu: null,
      include: null,
      exclude: null,
    },
    filename: "my_app.py",
    ref_str: "my_app:chute",
    code: app.code,
    concurrency: 1,
    max_instances: 1,
    scaling_threshold: 0.75,
    shutdown_after_seconds: 300,
    allow_external_egress: false,
    encrypted_fs: false,
    tee: false,
    lock_modules: null,
    revision: null,
    cords: [GREET_CORD, PLAIN_CORD],
    jobs: [],
  };
}

const CORD = {
  public_api_method: "POST",
  stream: false,
  minimal_input_schema: null,
  passthrough: false,
};

/** A function that takes a pydantic model and returns text. */
const GREET_CORD = {
  method: "POST",
  path: "/hello",
  public_api_path: "/hello",
  ...CORD,
  function: "hello",
  input_schema: {
    type: "object",
    properties: { args: { $ref: "#/definitions/In" } },
    required: ["args"],
    definitions: { In: { properties: { text: { default: "ü", title: "Text", type: "string" } }, type: "object" } },
  },
  output_schema: { type: "string" },
  output_content_type: "text/plain",
};

/** One without arguments and without a public path. */
const PLAIN_CORD = {
  method: "POST",
  path: "/plain",
  public_api_path: null,
  ...CORD,
  function: "plain",
  input_schema: { type: "object", properties: {}, required: [], definitions: {} },
  output_schema: { type: "object" },
  output_content_type: "application/json",
};

/** `chutes chutes list [--name N] [--include-public]`. */
export function chutesList(filter: { includePublic: boolean; name?: string }): Exchange<ReturnType<typeof chutePage>> {
  return {
    request: (me) => byPurpose(me, "chutes", { method: "GET", target: `/chutes/${listQuery(filter)}` }),
    read: chutePage,
  };
}

/** `chutes images list [--include-public]`. */
export function imagesList(filter: { includePublic: boolean }): Exchange<ReturnType<typeof page>> {
  return {
    request: (me) => byPurpose(me, "images", { method: "GET", target: `/images/${listQuery(filter)}` }),
    read: (answer) => page(answer, ["image_id", "name", "tag", "status", "created_at"]),
  };
}

function listQuery({ includePublic, name }: { includePublic: boolean; name?: string }): string {
  return pythonQuery({ include_public: includePublic, ...(name !== undefined && { name }), limit: 25, page: 0 });
}

/** `chutes share --chute-id C --user-id U [--remove]`. */
export function share(chute: string, user: string, options: { remove?: boolean } = {}): Exchange<Json> {
  const body = compactJson({ chute_id_or_name: chute, user_id_or_name: user });
  return {
    request: (me) => byBody(me, options.remove === true ? "/chutes/unshare" : "/chutes/share", { body }),
    read: (answer) => members(success(answer), { status: "string" }),
  };
}

/** `chutes warmup X`: polled with one set of headers. @see protocol 03 §16 */
export function warmupPoll(nameOrId: string): Exchange<Json> {
  return {
    request: (me) => byPurpose(me, "chutes", { method: "GET", target: `/chutes/warmup/${nameOrId}?quick=true` }),
    read: (answer) => {
      const state = members(success(answer), { chute_id: "string", status: "string", instances: "object" }) as Json;
      if (state["bounty"] !== null) members(state["bounty"] as Json, { amount: "number", boost: "number" });
      for (const instance of state["instances"] as Json[])
        members(instance, { instance_id: "string", active: "boolean" });
      return state;
    },
  };
}

/** `chutes warmup X` without the quick form: a stream of events. */
export function warmupStream(nameOrId: string): Exchange<readonly Json[]> {
  return {
    request: (me) => byPurpose(me, "chutes", { method: "GET", target: `/chutes/warmup/${nameOrId}` }),
    read: (answer) => eventStream(answer).map((event) => members(event, { status: "string", log: "string" })),
  };
}

/** `chutes warmup X --stream-logs`: the log of one instance. */
export function instanceLogs(instanceId: string): Exchange<Answer> {
  return {
    request: (me) => byPurpose(me, "logs", { method: "GET", target: `/instances/${instanceId}/logs?backfill=100` }),
    read: (answer) => answer,
  };
}

/** `chutes startup-logs C`: 404 means that there are none. */
export function startupLogs(chuteId: string): Exchange<"none"> {
  return {
    request: (me) => byPurpose(me, "chutes", { method: "GET", target: `/encrypted_logs/${chuteId}/sessions` }),
    read: (answer) => {
      if (answer.status !== 404) throw new ClientBroke(`status ${answer.status}, not 404`);
      return "none";
    },
  };
}

/** `chutes report --invocation-id I --reason R`. @see protocol 04 §12.7 */
export function report(invocationId: string, reason: string): Exchange<Json> {
  return {
    request: (me) => byBody(me, `/invocations/${invocationId}/report`, { body: compactJson({ reason }) }),
    read: (answer) => members(success(answer), { status: "string" }),
  };
}

export interface RemoteCall {
  readonly owner: string;
  readonly chute: string;
  /** Name of the function, which is its path too. */
  readonly function: string;
  /** Compressed pickles in base64, as Python made them. */
  readonly args: string;
  readonly kwargs: string;
}

/** A deployed function called from the developer's own program. @see protocol 04 §1.3 */
export function callCord(call: RemoteCall): Exchange<{ readonly invocationId: string; readonly result: unknown }> {
  return {
    request: (me) => {
      const chuteId = chuteIdOf(call.owner, call.chute);
      const more = [
        ["X-Chutes-ChuteID", chuteId],
        ["X-Chutes-Function", call.function],
      ] as const;
      const body = compactJson({ args: call.args, kwargs: call.kwargs });
      return byBody(me, `/chutes/${chuteId}/${call.function}`, { body, more });
    },
    read: (answer) => {
      const results = eventStream(answer).map((event) => {
        if (event["trace"] !== undefined) members(event["trace"] as Json, { timestamp: "string", message: "string" });
        if (event["error"] !== undefined) throw new ClientBroke(`error event ${JSON.stringify(event)}`);
        return event["result"];
      });
      const result = results.find(Boolean);
      if (result === undefined) throw new ClientBroke(`no result in ${answer.body.toString()}`);
      return { invocationId: answer.headers["x-chutes-invocationid"] ?? "", result };
    },
  };
}

function eventStream(answer: Answer): readonly Json[] {
  if (answer.status !== 200) throw new ClientBroke(`status ${answer.status}: ${answer.body.toString()}`);
  return events(answer.body.toString());
}
