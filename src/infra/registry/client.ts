import { AppError } from "../../kernel/errors.js";
import { sha256Hex } from "../../wire/hashes.js";
import type { HttpAnswer, HttpClient } from "../http-client/client.js";
import { type Credentials, tokenFor } from "./challenge.js";
import { type Descriptor, type ImageConfig, imageConfigOf, MANIFEST_TYPES, manifestOf, PLATFORM } from "./documents.js";

export interface RegistryOptions {
  readonly http: HttpClient;
  /** Where the registry answers, without `/v2`. */
  readonly url: string;
  /** Given only to a registry that asks, or to the token service that it names. */
  readonly credentials: Credentials;
  readonly signal?: AbortSignal;
}

/** An image as a registry holds it. */
export interface RegistryImage {
  /** Digest of what the tag names: an image, or a list of one image per platform. */
  readonly digest: string;
  /** Bytes of the layers for linux/amd64, as they are stored. */
  readonly sizeBytes: number;
  readonly config: ImageConfig;
}

/** Reads from a container registry (OCI distribution API). */
export interface Registry {
  /**
   * Looks up the linux/amd64 image of a tag; every document is checked against the digest that names it.
   * @throws AppError `not_found` no such tag, `unauthorized` the registry wants other credentials, `invalid` no linux/amd64
   * image or no registry, `unavailable` cannot be reached or fails
   */
  image(repository: string, tag: string): Promise<RegistryImage>;
}

/** Largest manifest or configuration that is read; registries themselves refuse manifests above 4 MiB. */
const MAX_DOCUMENT_BYTES = 4 * 1024 * 1024;
const MAX_REDIRECTS = 3;

/** A registry at a URL. Nothing is asked yet. */
export function openRegistry(options: RegistryOptions): Registry {
  return {
    async image(repository, tag) {
      const source: Source = { ...options, repository, ...noToken() };
      const named = await fetchDocument(source, `manifests/${tag}`, `${repository}:${tag}`);
      const manifest = await amd64Manifest(source, named.bytes, `${repository}:${tag}`);
      const config = await fetchDescriptor(source, "blobs", manifest.config);
      return { digest: named.digest, sizeBytes: manifest.sizeBytes, config: imageConfigOf(config) };
    },
  };
}

interface Source extends RegistryOptions {
  readonly repository: string;
  /** Value of `Authorization`, once the registry has asked for one. */
  authorization: string | undefined;
}

function noToken(): { authorization: string | undefined } {
  return { authorization: undefined };
}

/** Follows a list to its linux/amd64 image. */
async function amd64Manifest(source: Source, bytes: Buffer, name: string) {
  const manifest = manifestOf(bytes);
  if (manifest.kind === "image") return manifest;
  const chosen = manifest.images.find(({ platform }) => platform === PLATFORM);
  if (chosen === undefined) throw new AppError("invalid", `${name} has no image for ${PLATFORM}`);
  const image = manifestOf(await fetchDescriptor(source, "manifests", chosen));
  if (image.kind === "image") return image;
  throw new AppError("invalid", `${name} is a list of lists`);
}

async function fetchDescriptor(source: Source, kind: "manifests" | "blobs", { digest }: Descriptor): Promise<Buffer> {
  const { bytes, digest: found } = await fetchDocument(source, `${kind}/${digest}`, digest);
  if (found === digest) return bytes;
  throw new AppError("unavailable", `the registry sent ${found} when asked for ${digest}`);
}

async function fetchDocument(source: Source, path: string, name: string): Promise<{ bytes: Buffer; digest: string }> {
  const url = `${source.url.replace(/\/+$/, "")}/v2/${source.repository}/${path}`;
  let answer = await get(source, url);
  if (answer.status === 401 && source.authorization === undefined) {
    source.authorization = await tokenFor(source, answer.headers["www-authenticate"]);
    answer = await get(source, url);
  }
  if (answer.status !== 200) throw refusal(source, answer.status, name);
  return { bytes: answer.body, digest: `sha256:${sha256Hex(answer.body)}` };
}

/** Registries that keep blobs elsewhere redirect there; our credentials stay behind. */
async function get(source: Source, url: string): Promise<HttpAnswer<Buffer>> {
  const accept = MANIFEST_TYPES.join(", ");
  let [at, redirects] = [url, 0];
  for (;;) {
    const isHome = new URL(at).origin === new URL(url).origin;
    const answer = await ask(source, at, {
      accept,
      ...(isHome && source.authorization !== undefined && { authorization: source.authorization }),
    });
    const { location } = answer.headers;
    if (answer.status < 301 || answer.status > 308 || typeof location !== "string") return answer;
    redirects += 1;
    if (redirects > MAX_REDIRECTS) throw new AppError("unavailable", `${url} redirects too often`);
    at = new URL(location, at).href;
  }
}

async function ask(source: Source, url: string, headers: Record<string, string>): Promise<HttpAnswer<Buffer>> {
  try {
    const stop = source.signal === undefined ? {} : { signal: source.signal };
    return await source.http.request(url, { headers, maxBytes: MAX_DOCUMENT_BYTES, ...stop });
  } catch (error) {
    if (!(error instanceof AppError) || !isCertificateProblem(error.cause)) throw error;
    throw new AppError(error.kind, error.message, {
      fix: "for a certificate authority of your own, name its file in NODE_EXTRA_CA_CERTS",
      cause: error,
    });
  }
}

function isCertificateProblem(cause: unknown): boolean {
  const code = (cause as { code?: unknown } | undefined)?.code;
  return typeof code === "string" && /CERT|ISSUER|VERIFY/.test(code);
}

function refusal({ url }: Source, status: number, name: string): AppError {
  if (status === 404)
    return new AppError("not_found", `the registry at ${url} has no ${name}`, {
      fix: "push the image there first; names are lower case: USERNAME/NAME:TAG",
    });
  if (status === 401 || status === 403)
    return new AppError("unauthorized", `the registry at ${url} refuses to show ${name} (${status})`, {
      fix: "set REGISTRY_USERNAME and REGISTRY_PASSWORD",
    });
  const why = `the registry at ${url} answered ${status} for ${name}`;
  return new AppError(status >= 500 || status === 429 ? "unavailable" : "invalid", why);
}
