import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { createServer, type Server as HttpServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { Server as SocketServer } from "socket.io";
import type { Running } from "../../src/kernel/lifecycle.js";
import { parseCommitmentV4, verifyTlsCertSignature } from "../../src/wire/commitment.js";
import { checkDummyWorkProduct, dummyEncrypt } from "../../src/wire/dummy-gpu.js";
import { sha256Hex } from "../../src/wire/hashes.js";
import { hotkeyMessage, isFreshNonce, verifyHotkeyMessage } from "../../src/wire/hotkey-signature.js";
import type { InstanceTransport } from "../../src/wire/instance-transport.js";
import { parseJson, stringifyJson } from "../../src/wire/json.js";
import { signJwt, verifyJwt } from "../../src/wire/jwt.js";
import { aesCbcDecrypt, launchProofText } from "../../src/wire/legacy-cipher.js";
import { deriveSessionKey, newX25519 } from "../../src/wire/session-key.js";

const JWT_KEY = "fake-launch-key";
/** Fills all 64 bits, as a real library's seeds do. */
const SEED = 12_345_678_901_234_567_890n;
const SYMMETRIC_KEY = "000102030405060708090a0b0c0d0e0f";

export interface FakeChute {
  readonly chute_id: string;
  version: string;
  readonly name: string;
  readonly [member: string]: unknown;
}

export interface FakeInstance {
  readonly instanceId: string;
  readonly chuteId: string;
  readonly configId: string;
  readonly host: string;
  readonly port: number;
  readonly transport: InstanceTransport;
  isVerified: boolean;
  isActive: boolean;
}

interface Launch {
  readonly chuteId: string;
  readonly nonce: string;
  instance?: FakeInstance;
}

/** Answers instead of the normal one, by `METHOD /path`; taken away one by one. */
type Refusals = Map<string, number[]>;

/**
 * The platform as a miner meets it: HTTP routes and the socket on one port, every signature, commitment, certificate and proof
 * checked. State survives `stop` and `start`, so a restart is a restart.
 */
export class FakeValidator implements Running {
  readonly chutes = new Map<string, FakeChute>();
  readonly instances = new Map<string, FakeInstance>();
  readonly nodes = new Map<string, string | null>();
  readonly refusals: Refusals = new Map();
  /** Every request, as `METHOD /path`. */
  readonly requests: string[] = [];
  /** Requests that were refused because something about them was wrong. */
  readonly faults: string[] = [];
  /** Whether hotkeys are registered; `authenticate` fails without. */
  isMinerRegistered = true;
  /** The endpoint that tells of empty lists sends this instead. */
  rollingUpdates: string[] = [];
  #launches = new Map<string, Launch>();
  #http: HttpServer | undefined;
  #socket: SocketServer | undefined;
  #port = 0;
  #sessions = 0;

  get url(): string {
    return `http://localhost:${this.#port}`;
  }

  /** Authenticated sessions right now. */
  get sessions(): number {
    return this.#sessions;
  }

  /** Listens; after a `stop`, on the same port. */
  async start(port = this.#port): Promise<void> {
    const http = createServer((request, response) => {
      this.#serve(request, response).catch((error: unknown) => {
        this.faults.push(`${request.method} ${request.url}: ${String(error)}`);
        response.destroy();
      });
    });
    const socket = new SocketServer(http);
    socket.on("connection", (session) => {
      session.on("authenticate", (payload: Record<string, string>) => {
        const isSigned = this.isMinerRegistered && isSignedFor(payload, "sockets");
        if (!isSigned) {
          session.emit("auth_failed", { error: "Authentication failed: Hotkey is not registered on netuid 64" });
          session.disconnect();
          return;
        }
        this.#sessions += 1;
        session.once("disconnect", () => {
          this.#sessions -= 1;
        });
        void session.join("miners");
        session.emit("auth_success", { message: "Authenticated" });
      });
    });
    http.listen(port, "127.0.0.1");
    await once(http, "listening");
    this.#http = http;
    this.#socket = socket;
    this.#port = (http.address() as AddressInfo).port;
  }

  /** Dies as a killed process does: transports end without goodbye. */
  async stop(): Promise<void> {
    const http = this.#http;
    this.#socket?.engine.close();
    this.#http = undefined;
    if (http === undefined) return;
    await new Promise((resolve) => {
      http.close(resolve);
      http.closeAllConnections();
    });
  }

  close(): Promise<void> {
    return this.stop();
  }

  broadcast(message: unknown): void {
    this.#socket?.to("miners").emit("miner_broadcast", message);
  }

  addChute(chute: Partial<FakeChute> & { name: string }): FakeChute {
    const added: FakeChute = {
      chute_id: randomUUID(),
      version: randomUUID(),
      image: "demo/image:1",
      image_id: randomUUID(),
      code: "placeholder",
      filename: "chute.py",
      ref_str: "chute:chute",
      chutes_version: "0.6.0",
      supported_gpus: ["4090", "h100_sxm"],
      node_selector: { gpu_count: 1 },
      cords: [],
      jobs: [],
      preemptible: true,
      tee: false,
      concurrency: 4,
      effective_compute_multiplier: 1,
      ...chute,
    };
    this.chutes.set(added.chute_id, added);
    return added;
  }

  /** Answers this request with these statuses first. */
  refuse(request: string, ...statuses: number[]): void {
    this.refusals.set(request, statuses);
  }

  activeInstances(): FakeInstance[] {
    return [...this.instances.values()].filter(({ isActive }) => isActive);
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname, searchParams } = new URL(request.url ?? "/", this.url);
    const method = request.method ?? "GET";
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks);
    const key = `${method} ${pathname}`;
    this.requests.push(key);
    const refused = this.refusals.get(key)?.shift();
    if (refused !== undefined) return send(response, refused, { detail: "not now" });
    const route = ROUTES.find((candidate) => candidate.method === method && candidate.path.test(pathname));
    if (route === undefined) return send(response, 404, { detail: "Not Found" });
    const problem = route.check(request, body, this.isMinerRegistered);
    if (problem !== undefined) {
      this.faults.push(`${key}: ${problem}`);
      return send(response, 401, { detail: problem });
    }
    const params = route.path.exec(pathname)?.slice(1).map(decodeURIComponent) ?? [];
    const call: Call = { params, query: searchParams, body, token: request.headers.authorization };
    const [status, answer] = route.answer(this, call);
    if (status >= 400) this.faults.push(`${key}: ${status} ${String(Reflect.get(Object(answer), "detail"))}`);
    send(response, status, answer);
  }

  addLaunch(chuteId: string): { token: string; config_id: string } {
    const configId = randomUUID();
    this.#launches.set(configId, { chuteId, nonce: sha256Hex(configId).slice(0, 32) });
    const url = `${this.url}/instances/launch_config/${configId}`;
    const issuedAt = Math.floor(Date.now() / 1000);
    const claims = {
      exp: issuedAt + 7200,
      sub: configId,
      iat: issuedAt,
      url,
      env_key: "00",
      iss: "chutes",
      egress: true,
    };
    return { token: signJwt(claims, JWT_KEY), config_id: configId };
  }

  launchOf(call: Call): Launch | undefined {
    const [configId = ""] = call.params;
    const claims = verifyJwt(call.token ?? "", { key: JWT_KEY, issuer: "chutes", now: new Date() });
    return claims["sub"] === configId ? this.#launches.get(configId) : undefined;
  }
}

interface Call {
  readonly params: readonly string[];
  readonly query: URLSearchParams;
  readonly body: Buffer;
  readonly token: string | undefined;
}

type Answer = readonly [status: number, body: unknown];

interface Route {
  readonly method: string;
  readonly path: RegExp;
  /** Says what is wrong with the credentials. */
  check(request: IncomingMessage, body: Buffer, isRegistered: boolean): string | undefined;
  answer(validator: FakeValidator, call: Call): Answer;
}

const signedFor =
  (purpose?: string): Route["check"] =>
  (request, body, isRegistered) => {
    if (!isRegistered) return "Hotkey is not registered on netuid 64";
    return isSignedFor(request.headers, purpose ?? sha256Hex(body)) ? undefined : "bad signature";
  };
const open: Route["check"] = () => undefined;
const list = (records: readonly unknown[]): string =>
  records.map((record) => `data: ${stringifyJson(record)}\n\n`).join("");
const LAUNCH = "/instances/launch_config/([^/]+)";

const ROUTES: readonly Route[] = [
  {
    method: "GET",
    path: /^\/miner\/chutes\/$/,
    check: signedFor("miner"),
    answer: (v) => [200, list([...v.chutes.values()])],
  },
  {
    method: "GET",
    path: /^\/miner\/chutes\/([^/]+)\/([^/]+)$/,
    check: signedFor("miner"),
    answer: (v, { params: [id = "", version] }) => {
      const chute = v.chutes.get(id);
      return chute?.version === version ? [200, chute] : [404, { detail: "no such version" }];
    },
  },
  {
    method: "GET",
    path: /^\/miner\/instances\/$/,
    check: signedFor("miner"),
    answer: (v, { query }) => {
      const rows = [...v.instances.values()].map(({ instanceId, chuteId, configId, isActive }) => ({
        instance_id: instanceId,
        chute_id: chuteId,
        config_id: configId,
        active: isActive,
      }));
      return [200, rows.length === 0 && query.get("explicit_null") === "True" ? "data: NO_ITEMS\n" : list(rows)];
    },
  },
  {
    method: "GET",
    path: /^\/miner\/nodes\/$/,
    check: signedFor("miner"),
    answer: (v) => [200, list([...v.nodes].map(([uuid, verified_at]) => ({ uuid, verified_at, seed: SEED })))],
  },
  { method: "POST", path: /^\/nodes\/$/, check: signedFor(), answer: addNodes },
  {
    method: "GET",
    path: /^\/nodes\/verification_status$/,
    check: signedFor("graval"),
    answer: (v) => {
      for (const uuid of v.nodes.keys()) v.nodes.set(uuid, "2025-10-09T08:53:20.000000+00:00");
      return [200, { status: "verified" }];
    },
  },
  {
    method: "DELETE",
    path: /^\/nodes\/([^/]+)$/,
    check: signedFor("nodes"),
    answer: (v, { params: [uuid = ""] }) => (v.nodes.delete(uuid) ? [200, { deleted: true }] : [404, {}]),
  },
  {
    method: "GET",
    path: /^\/chutes\/rolling_updates$/,
    check: open,
    answer: (v) => [200, v.rollingUpdates.map((chute_id) => ({ chute_id }))],
  },
  {
    method: "GET",
    path: /^\/instances\/launch_config$/,
    check: signedFor("launch"),
    answer: (v, { query }) => {
      const chuteId = query.get("chute_id") ?? "";
      return v.chutes.has(chuteId) ? [200, v.addLaunch(chuteId)] : [404, { detail: "no such chute" }];
    },
  },
  {
    method: "DELETE",
    path: /^\/instances\/([^/]+)\/([^/]+)$/,
    check: signedFor("instances"),
    answer: (v, { params: [, id = ""] }) => (v.instances.delete(id) ? [200, { deleted: true }] : [404, {}]),
  },
  {
    method: "GET",
    path: new RegExp(`^${LAUNCH}/nonce$`),
    check: open,
    answer: (v, call) => [200, v.launchOf(call)?.nonce ?? ""],
  },
  { method: "POST", path: new RegExp(`^${LAUNCH}/graval$`), check: open, answer: claim },
  { method: "PUT", path: new RegExp(`^${LAUNCH}/graval$`), check: open, answer: verify },
  {
    method: "GET",
    path: new RegExp(`^${LAUNCH}/activate$`),
    check: open,
    answer: (v, call) => {
      const instance = v.launchOf(call)?.instance;
      if (instance?.isVerified !== true) return [403, { detail: "not verified" }];
      instance.isActive = true;
      return [200, { ok: true }];
    },
  },
];

function addNodes(validator: FakeValidator, { body }: Call): Answer {
  const { nodes } = parseJson(body) as { nodes: { uuid: string }[] };
  if (nodes.length > 10) return [400, { detail: "Limit is 10 GPUs per server." }];
  if (nodes.some(({ uuid }) => validator.nodes.has(uuid))) return [409, { detail: "already in the inventory" }];
  for (const { uuid } of nodes) validator.nodes.set(uuid, null);
  return [202, { nodes: nodes.map((node) => ({ ...node, seed: SEED })), task_id: "5F::1" }];
}

interface ClaimBody {
  gpus: { uuid: string }[];
  host: string;
  port_mappings: { internal_port: number; external_port: number }[];
  egress: boolean;
  rint_commitment: string;
  rint_nonce: string;
  rint_pubkey: string;
  tls_cert: string;
  tls_cert_sig: string;
  tls_ca_cert: string;
  tls_client_cert: string;
  tls_client_key: string;
}

function claim(validator: FakeValidator, call: Call): Answer {
  const launch = validator.launchOf(call);
  const [configId = ""] = call.params;
  if (launch === undefined || launch.instance !== undefined) return [401, { detail: "already retrieved" }];
  const body = parseJson(call.body) as ClaimBody;
  const problem = claimProblem(validator, launch, body);
  if (problem !== undefined) return [403, { detail: problem }];
  const own = newX25519();
  const keys = { minerPublicHex: body.rint_pubkey, validatorPublicHex: own.publicKeyHex, nonceHex: body.rint_nonce };
  const sessionKey = deriveSessionKey({ privateKey: own.privateKey, peerPublicHex: body.rint_pubkey, ...keys });
  const instance: FakeInstance = {
    instanceId: randomUUID(),
    chuteId: launch.chuteId,
    configId,
    host: body.host,
    port: body.port_mappings[0]?.external_port ?? 0,
    transport: {
      sessionKeyHex: sessionKey.toString("hex"),
      tls: {
        commonName: `${configId}.int.chutes.dev`,
        certPem: body.tls_cert,
        caPem: body.tls_ca_cert,
        clientCertPem: body.tls_client_cert,
        clientKeyPem: body.tls_client_key,
      },
    },
    isVerified: false,
    isActive: false,
  };
  launch.instance = instance;
  validator.instances.set(instance.instanceId, instance);
  const uuid = body.gpus.at(-1)?.uuid ?? "";
  return [
    200,
    {
      seed: SEED,
      iterations: 2,
      job_id: null,
      symmetric_key: {
        ciphertext: dummyEncrypt({ seed: SEED, uuid, plain: SYMMETRIC_KEY }),
        uuid,
        response_plaintext: launchProofText(configId, SEED),
      },
      validator_pubkey: own.publicKeyHex,
    },
  ];
}

function claimProblem(validator: FakeValidator, launch: Launch, body: ClaimBody): string | undefined {
  const commitment = parseCommitmentV4(body.rint_commitment);
  if (commitment?.nonce !== launch.nonce || body.rint_nonce !== launch.nonce) return "commitment of another launch";
  const signed = { certPem: body.tls_cert, nonce: launch.nonce, signatureHex: body.tls_cert_sig };
  if (!verifyTlsCertSignature({ ...signed, publicKeyHex: commitment.publicKey })) return "certificate not signed";
  if (body.gpus.some(({ uuid }) => (validator.nodes.get(uuid) ?? null) === null)) return "GPU not verified";
  if (body.egress !== true) return "egress differs";
  const internal = body.port_mappings.map(({ internal_port }) => internal_port);
  return internal.join() === "8000,8001" ? undefined : "port mappings are odd";
}

function verify(validator: FakeValidator, call: Call): Answer {
  const instance = validator.launchOf(call)?.instance;
  const [configId = ""] = call.params;
  if (instance === undefined) return [404, { detail: "instance gone" }];
  const body = parseJson(call.body) as {
    response: string;
    iv: string;
    proof: Record<string, { work_product: unknown }>;
  };
  const key = Buffer.from(SYMMETRIC_KEY, "hex");
  const data = Buffer.from(body.response, "base64");
  const plain = aesCbcDecrypt({ key, iv: Buffer.from(body.iv, "hex"), data })?.toString("utf8");
  if (plain !== launchProofText(configId, SEED)) return [403, { detail: "wrong response" }];
  const isWorkDone = Object.entries(body.proof).every(([uuid, { work_product: workProduct }]) =>
    checkDummyWorkProduct({ seed: SEED, uuid, iterations: 2, workProduct }),
  );
  if (!isWorkDone) return [403, { detail: "wrong work product" }];
  instance.isVerified = true;
  const activation_url = `${validator.url}/instances/launch_config/${configId}/activate`;
  return [200, { chute_id: instance.chuteId, instance_id: instance.instanceId, activation_url, code: "", fs_key: "" }];
}

function isSignedFor(headers: Readonly<Record<string, unknown>>, third: string): boolean {
  const values = new Map(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), String(value)]));
  const hotkey = values.get("x-chutes-hotkey") ?? "";
  const nonce = values.get("x-chutes-nonce") ?? "";
  if (!isFreshNonce(nonce, new Date())) return false;
  const message = hotkeyMessage({ hotkey, nonce, third });
  return verifyHotkeyMessage({ hotkey, message, signatureHex: values.get("x-chutes-signature") ?? "" });
}

function send(response: ServerResponse, status: number, body: unknown): void {
  const isText = typeof body === "string";
  response.writeHead(status, { "content-type": isText ? "text/event-stream" : "application/json" });
  response.end(isText ? body : stringifyJson(body));
}
