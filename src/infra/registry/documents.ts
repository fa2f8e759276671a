import { Type } from "typebox";
import { Value } from "typebox/value";
import { AppError } from "../../kernel/errors.js";

/** Content types of what a tag may name. */
export const MANIFEST_TYPES = [
  "application/vnd.oci.image.index.v1+json",
  "application/vnd.docker.distribution.manifest.list.v2+json",
  "application/vnd.oci.image.manifest.v1+json",
  "application/vnd.docker.distribution.manifest.v2+json",
] as const;

/** Where chutes run. */
export const PLATFORM = "linux/amd64";

/** Names a document by the hash of its bytes. */
export interface Descriptor {
  readonly digest: string;
  /** `os/architecture`, when it is said. */
  readonly platform?: string;
}

/** A list of one image per platform, or an image. */
export type Manifest =
  | { readonly kind: "list"; readonly images: readonly Descriptor[] }
  | { readonly kind: "image"; readonly config: Descriptor; readonly sizeBytes: number };

/** What an image says of itself. */
export interface ImageConfig {
  readonly env: ReadonlyMap<string, string>;
  readonly labels: ReadonlyMap<string, string>;
}

const Digest = Type.String({ pattern: "^sha256:[0-9a-f]{64}$" });

const ListShape = Type.Object({
  manifests: Type.Array(
    Type.Object({
      digest: Digest,
      platform: Type.Optional(Type.Object({ os: Type.String(), architecture: Type.String() })),
    }),
    { maxItems: 1000 },
  ),
});

const ImageShape = Type.Object({
  config: Type.Object({ digest: Digest }),
  layers: Type.Array(Type.Object({ size: Type.Integer({ minimum: 0 }) }), { maxItems: 1000 }),
});

const ConfigShape = Type.Object({
  os: Type.Optional(Type.String()),
  architecture: Type.Optional(Type.String()),
  config: Type.Optional(
    Type.Object({
      Env: Type.Optional(Type.Union([Type.Array(Type.String()), Type.Null()])),
      Labels: Type.Optional(Type.Union([Type.Record(Type.String(), Type.String()), Type.Null()])),
    }),
  ),
});

/** Reads a manifest of either kind. @throws AppError `invalid` for anything else, e.g. a page that is no registry's */
export function manifestOf(bytes: Buffer): Manifest {
  const json = parsed(bytes);
  if (Value.Check(ListShape, json)) {
    const images = json.manifests.map(({ digest, platform }) => ({
      digest,
      ...(platform && { platform: `${platform.os}/${platform.architecture}` }),
    }));
    return { kind: "list", images };
  }
  if (Value.Check(ImageShape, json)) {
    const sizeBytes = json.layers.reduce((sum, { size }) => sum + size, 0);
    return { kind: "image", config: { digest: json.config.digest }, sizeBytes };
  }
  throw notDocument("a manifest");
}

/** Reads an image's configuration. @throws AppError `invalid` when it is none, or is for another platform */
export function imageConfigOf(bytes: Buffer): ImageConfig {
  const json = parsed(bytes);
  if (!Value.Check(ConfigShape, json)) throw notDocument("an image's configuration");
  const { os = "linux", architecture = "amd64", config = {} } = json;
  if (`${os}/${architecture}` !== PLATFORM)
    throw new AppError("invalid", `the image is for ${os}/${architecture}; chutes run on ${PLATFORM}`);
  return { env: new Map((config.Env ?? []).map(splitVariable)), labels: new Map(Object.entries(config.Labels ?? {})) };
}

function splitVariable(text: string): [string, string] {
  const equals = text.indexOf("=");
  return equals === -1 ? [text, ""] : [text.slice(0, equals), text.slice(equals + 1)];
}

function parsed(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString("utf8"));
  } catch (cause) {
    throw notDocument("JSON", cause);
  }
}

function notDocument(what: string, cause?: unknown): AppError {
  return new AppError("invalid", `the registry's answer is not ${what}`, {
    fix: "check that --registry names a container registry",
    ...(cause !== undefined && { cause }),
  });
}
