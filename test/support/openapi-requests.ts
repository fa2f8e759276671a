import fc from "fast-check";
import { signedHeaders } from "../../src/wire/headers.js";
import { FORM_ROUTES, SEED_BODIES } from "./openapi-bodies.js";
import { damagedJson, FORMS } from "./openapi-damage.js";
import type { FuzzUser, FuzzWorld } from "./openapi-world.js";

/** One operation of the document. */
export interface Operation {
  /** As in the document, e.g. `GET /chutes/{*}`. */
  readonly route: string;
  readonly method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  readonly path: string;
  readonly query: readonly { readonly name: string; readonly type: string | undefined }[];
}

export interface FuzzRequest {
  readonly route: string;
  readonly method: Operation["method"];
  readonly path: string;
  /** Name, value, name, value: names may repeat. */
  readonly headers: string[];
  readonly body: Buffer | undefined;
}

interface Document {
  readonly paths: Readonly<
    Record<
      string,
      Readonly<Record<string, { parameters?: readonly { name: string; in: string; schema?: { type?: string } }[] }>>
    >
  >;
}

/** Every operation of an OpenAPI document. */
export function operationsOf(document: Document): Operation[] {
  return Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, { parameters = [] }]) => ({
      route: `${method.toUpperCase()} ${path}`,
      method: method.toUpperCase() as Operation["method"],
      path,
      query: parameters
        .filter((parameter) => parameter.in === "query")
        .map(({ name, schema }) => ({ name, type: schema?.type })),
    })),
  );
}

/** Requests to one operation: half of them with credentials that its handler accepts. */
export function requestsTo(operation: Operation, world: FuzzWorld): fc.Arbitrary<FuzzRequest> {
  return fc
    .record({
      path: pathOf(operation, world),
      query: queryOf(operation),
      body: bodyOf(operation, world),
      caller: fc.oneof(
        { weight: 5, arbitrary: goodCaller(operation, world) },
        { weight: 5, arbitrary: badCaller(world) },
      ),
      type: fc.oneof(
        { weight: 8, arbitrary: fc.constant(undefined) },
        {
          weight: 2,
          arbitrary: fc.constantFrom("text/plain", "multipart/form-data", "application/xml; charset=x", ""),
        },
      ),
    })
    .map(({ path, query, body, caller, type }) => ({
      route: operation.route,
      method: operation.method,
      path: path + query,
      headers: headersOf({ caller, method: operation.method, body: body.bytes, type: type ?? body.type }),
      body: body.bytes,
    }));
}

const WILD_TEXT = fc.constantFrom(
  "",
  " ",
  "0",
  "-1",
  "1e9",
  "99999999999999999999",
  "NaN",
  "null",
  "true",
  "²",
  "ü".repeat(50),
  "a".repeat(3000),
  "../../etc/passwd",
  "' or 1=1 --",
  "%",
  "_",
  "\u0000",
  "a\u0000b",
  "\r\nX: y",
  "00000000-0000-0000-0000-000000000000",
  "*",
  "{}",
  "[]",
);

const encoded = (text: string) => encodeURIComponent(text);
const BROKEN_SEGMENT = fc.constantFrom("%ff%fe", "%00", "%ed%a0%80", "%c0%af", "a%2Fb", "%252e", "..%2f..", "%E0%80");

function pathOf({ method, path, route }: Operation, world: FuzzWorld): fc.Arbitrary<string> {
  const parts = path.split("/").map((part): fc.Arbitrary<string> => {
    if (!part.includes("{")) return fc.constant(part);
    const known = fc.constantFrom(...knownNames({ method, route }, part, world));
    return fc
      .oneof(
        { weight: 6, arbitrary: known.map((name) => (part === "{*}" ? name : encoded(name))) },
        { weight: 2, arbitrary: fc.uuid() },
        { weight: 2, arbitrary: WILD_TEXT.map(encoded) },
        { weight: 1, arbitrary: BROKEN_SEGMENT },
        {
          weight: 1,
          arbitrary: fc.string({ unit: "binary", maxLength: 40 }).map((text) => encoded(text)),
        },
      )
      .map((name) => part.replace(/\{[^}]*\}/, () => name));
  });
  return fc.tuple(...parts).map((all) => all.join("/"));
}

/** Names that exist. What a call may destroy is never what the other calls need. */
function knownNames({ method, route }: Pick<Operation, "method" | "route">, part: string, world: FuzzWorld): string[] {
  const { dev, chuteId, chuteName, imageId, instanceId, doomedChuteId, victims, doomed, admin } = world;
  const victimIds = victims.map((victim) => victim.userId);
  const changes = method !== "GET";
  if (route.includes("/users/")) return changes ? victimIds : [dev.userId, dev.username, admin.userId];
  if (route.includes("/api_keys/")) return changes ? [doomed.keyId, "generated"] : [dev.keyId, "all"];
  if (route.includes("/secrets/")) return ["HF_TOKEN"];
  if (route.includes("/images/")) return changes ? ["generated:1"] : [imageId, "my-image:1.0", "dev_1/my-image:1.0"];
  if (method === "DELETE") return [doomedChuteId, instanceId];
  if (/year|month|day|file/.test(part)) return ["2026", "1", "13.csv", "13-reports.csv", "31"];
  if (part.includes("version")) return ["v1"];
  if (part.includes("instance")) return [instanceId];
  if (part.includes("user")) return [dev.userId, dev.username];
  return [chuteId, chuteName, instanceId, "hello"];
}

function queryOf({ query }: Operation): fc.Arbitrary<string> {
  const pair = (name: string, type: string | undefined) =>
    fc.oneof(
      { weight: 3, arbitrary: fc.constant("") },
      { weight: 4, arbitrary: tameValue(name, type).map((value) => `${encoded(name)}=${encoded(value)}`) },
      { weight: 2, arbitrary: WILD_TEXT.map((value) => `${encoded(name)}=${encoded(value)}`) },
      { weight: 1, arbitrary: fc.constant(`${encoded(name)}=1&${encoded(name)}=x`) },
      { weight: 1, arbitrary: BROKEN_SEGMENT.map((value) => `${encoded(name)}=${value}`) },
    );
  const tamePair = ({ name, type }: Operation["query"][number]) =>
    fc.option(
      tameValue(name, type).map((value) => `${encoded(name)}=${encoded(value)}`),
      { nil: "", freq: 2 },
    );
  const wild = fc.tuple(...query.map(({ name, type }) => pair(name, type)));
  const tame = fc.tuple(...query.map(tamePair));
  return fc.oneof(tame, wild).map((all) => {
    const given = all.filter(Boolean);
    return given.length === 0 ? "" : `?${given.join("&")}`;
  });
}

function tameValue(name: string, type: string | undefined): fc.Arbitrary<string> {
  if (type === "integer" || type === "number") return fc.integer({ min: 0, max: 100 }).map(String);
  if (/^(page|limit|offset|top|days)$/.test(name)) return fc.integer({ min: 0, max: 40 }).map(String);
  if (/date|^from$|^to$|since/.test(name)) return fc.constantFrom("2026-01-01", "2026-01-07T00:00:00Z", "2026-02-30");
  if (/name|template|slug|image|tag|exclude|username/.test(name))
    return fc.constantFrom("my", "my-chute", "other", "vllm");
  return fc.constantFrom("true", "False", "1");
}

interface Body {
  readonly bytes: Buffer | undefined;
  readonly type: string;
}

function bodyOf({ method, route }: Operation, world: FuzzWorld): fc.Arbitrary<Body> {
  const none: Body = { bytes: undefined, type: "" };
  if (method === "GET") return fc.constant(none);
  const seed = SEED_BODIES.find((candidate) => candidate.route.test(route));
  const json = damagedJson(seed?.value(world) ?? {}).map((bytes): Body => ({ bytes, type: "application/json" }));
  if (method === "DELETE") return fc.oneof({ weight: 3, arbitrary: fc.constant(none) }, { weight: 2, arbitrary: json });
  const form = fc.constantFrom(...FORMS).map(({ bytes, type }): Body => ({ bytes, type }));
  return fc.oneof(
    { weight: FORM_ROUTES.test(route) ? 30 : 1, arbitrary: form },
    { weight: 9, arbitrary: json },
    { weight: 1, arbitrary: fc.constant(none) },
  );
}

/** Signs when the bytes are known. */
type Caller = (signed: { readonly method: string; readonly body: Buffer | undefined }) => readonly string[];

function goodCaller({ route, method }: Operation, world: FuzzWorld): fc.Arbitrary<Caller> {
  const { admin, dev, miner, doomed } = world;
  if (isRawFingerprint(route)) {
    const fingerprint = fc.constantFrom(doomed.fingerprint, `Basic ${doomed.fingerprint}`);
    return fc.oneof(
      fingerprint.map(
        (value): Caller =>
          () => ["authorization", value],
      ),
      fc.constant(signing(doomed, route)),
    );
  }
  if (/ \/(miner|nodes|instances|servers)\b/.test(route))
    return fc.constantFrom(signing({ signer: miner }, route), signing({ signer: miner }, route), keyed(dev.adminKey));
  // Who deletes or replaces things must not lose what the others need.
  const users = method === "GET" ? [dev, admin] : [dev, admin, doomed];
  return fc.constantFrom(
    ...users.map((user) => signing(user, route)),
    ...users.map((user) => keyed(user.adminKey)),
    keyed(admin.adminKey),
    keyed(dev.token),
    keyed(dev.scopedKey),
  );
}

function isRawFingerprint(route: string): boolean {
  return /^DELETE \/users\/me$|change_fingerprint|change_bt_auth|balance_transfer|return_developer_deposit/.test(route);
}

const keyed =
  (key: string): Caller =>
  () => ["authorization", `Bearer ${key}`];

function signing({ signer }: Pick<FuzzUser, "signer">, route: string): Caller {
  const purpose = purposeOf(route);
  return ({ body }) => {
    const what = purpose === undefined ? { body: body ?? "" } : { purpose };
    return Object.entries(signedHeaders(signer, what, new Date())).flat();
  };
}

/** Third field of the signature; undefined where the body is signed. @see protocol 01 §2.7 */
function purposeOf(route: string): string | undefined {
  const rules: readonly (readonly [RegExp, string])[] = [
    [/^\w+ \/users\/link_/, "link_account"],
    [/^(GET|DELETE) \/(chutes|encrypted_logs)\//, "chutes"],
    [/^(GET|DELETE) \/images\//, "images"],
    [/^(GET|DELETE) \/api_keys\//, "api_keys"],
    [/^(GET|DELETE) \/secrets\//, "secrets"],
    [/^GET \/instances\/.*logs/, "logs"],
    [/^GET \/instances\/launch_config$/, "launch"],
    [/^DELETE \/instances\//, "instances"],
    [/^GET \/nodes\/verification_status/, "graval"],
    [/^(GET|DELETE) \/nodes\//, "nodes"],
    [/^(GET|DELETE) \/miner\//, "miner"],
    [/ \/servers\//, "tee"],
    [/^GET \/registry\/auth/, "registry"],
    [/^GET /, "me"],
  ];
  return rules.find(([pattern]) => pattern.test(route))?.[1];
}

function badCaller({ dev, miner }: FuzzWorld): fc.Arbitrary<Caller> {
  const authorization = fc.constantFrom(
    "",
    "Bearer ",
    "Basic cpk_x",
    `Bearer ${dev.adminKey.slice(0, -1)}_`,
    `cpk_${"0".repeat(32)}.${"0".repeat(32)}.${"A".repeat(32)}`,
    "Bearer eyJhbGciOiJub25lIn0.e30.",
    `Bearer eyJhbGciOiJSUzI1NiJ9.${Buffer.from('{"sub":"x"}').toString("base64url")}.AAAA`,
    `Bearer ${"a.".repeat(2000)}`,
    "ü",
  );
  const triple = fc.record({
    hotkey: fc.constantFrom(dev.signer.address, miner.address, "", "5", "0xd4", `5${"G".repeat(47)}`, "x".repeat(4000)),
    nonce: fc.constantFrom(String(Math.floor(Date.now() / 1000)), "", "-1", "1e9", "abc", "0", "9".repeat(40)),
    signature: fc.constantFrom("", "zz", "0x", "ff".repeat(64), "ab".repeat(63), "00".repeat(65), "8".repeat(128)),
  });
  return fc.oneof(
    fc.constant<Caller>(() => []),
    authorization.map(
      (value): Caller =>
        () => ["authorization", Buffer.from(value).toString("latin1")],
    ),
    triple.map(
      ({ hotkey, nonce, signature }): Caller =>
        () => ["X-Chutes-Hotkey", hotkey, "X-Chutes-Nonce", nonce, "X-Chutes-Signature", signature],
    ),
    fc.constant<Caller>((what) => {
      const headers = signing(dev, "GET /users/me")(what);
      return [...headers, ...headers.slice(0, 2)];
    }),
    fc.constant<Caller>((what) => signing(dev, "GET /users/me")(what).slice(0, 4)),
  );
}

interface HeaderParts {
  readonly caller: Caller;
  readonly method: string;
  readonly body: Buffer | undefined;
  readonly type: string;
}

function headersOf({ caller, method, body, type }: HeaderParts): string[] {
  return [...caller({ method, body }), ...(type === "" ? [] : ["content-type", type])];
}
