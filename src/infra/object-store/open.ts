import { fileURLToPath } from "node:url";
import type { Config } from "../../kernel/config/schema.js";
import { AppError } from "../../kernel/errors.js";
import { openFileStore } from "./files.js";
import type { ObjectStore } from "./store.js";

/**
 * Opens the store that the configuration names: `file:///absolute/folder` or `s3://bucket[/prefix]`.
 * @throws AppError `config` when the URL is neither, or the folder cannot be written
 */
export async function openObjectStore(settings: Config["objectStore"]): Promise<ObjectStore> {
  const url = URL.canParse(settings.url) ? new URL(settings.url) : undefined;
  if (url?.protocol === "file:" && url.host === "") return openFileStore(fileURLToPath(url));
  if (url?.protocol === "s3:" && url.hostname !== "") {
    const folder = decodeURIComponent(url.pathname).replace(/^\/+|\/+$/g, "");
    const { openS3Store } = await import("./s3.js");
    return openS3Store({ ...settings, bucket: url.hostname, prefix: folder === "" ? "" : `${folder}/` });
  }
  throw new AppError("config", `objectStore.url is neither file:///absolute/folder nor s3://bucket: ${settings.url}`, {
    code: "CFG001",
    fix: "set OBJECT_STORE_URL to file:///var/lib/chutes/objects or s3://bucket/prefix",
  });
}
