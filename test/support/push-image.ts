import { sha256Hex } from "../../src/wire/hashes.js";

export interface PushedImage {
  /** `alice/my-image`. */
  readonly repository: string;
  readonly tag: string;
  readonly env?: readonly string[];
  readonly labels?: Readonly<Record<string, string>>;
  readonly architecture?: string;
  /** `docker` and `oci` are one image; `list` and `index` name it among others. */
  readonly form?: "docker" | "oci" | "list" | "index";
  readonly authorization?: string;
}

const TYPE = {
  docker: "application/vnd.docker.distribution.manifest.v2+json",
  oci: "application/vnd.oci.image.manifest.v1+json",
  list: "application/vnd.docker.distribution.manifest.list.v2+json",
  index: "application/vnd.oci.image.index.v1+json",
} as const;

const LAYER = Buffer.from("a layer of 23 bytes, ok");

/** Puts a tiny image into a registry, one request per document. @returns the digest that the tag names */
export async function pushImage(url: string, image: PushedImage): Promise<string> {
  const { form = "docker", architecture = "amd64", env = [], labels = {} } = image;
  const single = form === "list" || form === "docker" ? "docker" : "oci";
  const config = Buffer.from(JSON.stringify({ os: "linux", architecture, config: { Env: env, Labels: labels } }));
  for (const blob of [config, LAYER]) await putBlob(url, image, blob);
  const manifest = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: TYPE[single],
      config: descriptor(config, "application/vnd.docker.container.image.v1+json"),
      layers: [descriptor(LAYER, "application/vnd.docker.image.rootfs.diff.tar.gzip")],
    }),
  );
  if (form === single) return putManifest(url, image, { reference: image.tag, type: TYPE[single], bytes: manifest });
  const digest = `sha256:${sha256Hex(manifest)}`;
  await putManifest(url, image, { reference: digest, type: TYPE[single], bytes: manifest });
  const platform = { os: "linux", architecture };
  const list = {
    schemaVersion: 2,
    mediaType: TYPE[form],
    manifests: [{ ...descriptor(manifest, TYPE[single]), platform }],
  };
  const bytes = Buffer.from(JSON.stringify(list));
  return putManifest(url, image, { reference: image.tag, type: TYPE[form], bytes });
}

function descriptor(bytes: Buffer, mediaType: string) {
  return { mediaType, size: bytes.length, digest: `sha256:${sha256Hex(bytes)}` };
}

async function putBlob(url: string, image: PushedImage, bytes: Buffer): Promise<void> {
  const headers = headersOf(image);
  const started = await fetch(`${url}/v2/${image.repository}/blobs/uploads/`, { method: "POST", headers });
  const target = new URL(started.headers.get("location") ?? "", url);
  target.searchParams.set("digest", `sha256:${sha256Hex(bytes)}`);
  const stored = await fetch(target, {
    method: "PUT",
    body: bytes,
    headers: { ...headers, "content-type": "application/octet-stream" },
  });
  if (stored.status !== 201) throw new Error(`blob: ${stored.status} ${await stored.text()}`);
}

async function putManifest(
  url: string,
  image: PushedImage,
  { reference, type, bytes }: { reference: string; type: string; bytes: Buffer },
): Promise<string> {
  const stored = await fetch(`${url}/v2/${image.repository}/manifests/${reference}`, {
    method: "PUT",
    body: bytes,
    headers: { ...headersOf(image), "content-type": type },
  });
  if (stored.status !== 201) throw new Error(`manifest: ${stored.status} ${await stored.text()}`);
  return `sha256:${sha256Hex(bytes)}`;
}

function headersOf({ authorization }: PushedImage): Record<string, string> {
  return authorization === undefined ? {} : { authorization };
}
