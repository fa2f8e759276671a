import { AppError } from "../../kernel/errors.js";
import { createHttpClient, type HttpAnswer } from "../http-client/client.js";
import { asRevision, type ModelSource, parseRecord, parseWeightIndex } from "./model-source.js";

const CONNECT_MS = 5000;
const TOTAL_MS = 10_000;
const CONFIG_BYTES = 1024 * 1024;
const INDEX_BYTES = 32 * 1024 * 1024;

/** A model hub with the paths of Hugging Face's. @see protocol 03 §10.5 */
export function openHub(baseUrl: string): ModelSource {
  const http = createHttpClient({ connectTimeoutMs: CONNECT_MS, totalTimeoutMs: TOTAL_MS });
  const base = baseUrl.replace(/\/+$/, "");
  const get = (path: string, maxBytes: number, signal: AbortSignal) =>
    http.request(`${base}/${path}`, { maxBytes, signal }).catch(asUnavailable);
  return {
    async config(model, signal) {
      const answer = await get(`${model}/raw/main/config.json`, CONFIG_BYTES, signal);
      if (answer.status === 401 || answer.status === 403) return { status: "gated" };
      if (answer.status >= 500) throw new AppError("unavailable", `The model hub answered ${answer.status}.`);
      const config = answer.status === 200 ? parseRecord(textOf(answer)) : undefined;
      return config === undefined ? { status: "missing" } : { status: "found", config };
    },
    async weightIndex(model, signal) {
      const answer = await get(`${model}/raw/main/model.safetensors.index.json`, INDEX_BYTES, signal);
      return answer.status === 200 ? parseWeightIndex(textOf(answer)) : undefined;
    },
    async fileBytes(model, file, signal) {
      const url = `${base}/${model}/resolve/main/${file}`;
      const { headers } = await http.request(url, { method: "HEAD", signal }).catch(asUnavailable);
      const bytes = Number(headers["x-linked-size"] ?? 0);
      return Number.isSafeInteger(bytes) && bytes > 0 ? bytes : 0;
    },
    async mainRevision(model, signal) {
      const answer = await get(`api/models/${model}/revision/main`, INDEX_BYTES, signal);
      return answer.status === 200 ? asRevision(parseRecord(textOf(answer))?.["sha"]) : undefined;
    },
    close: () => http.close(),
  };
}

function textOf({ body }: HttpAnswer<Buffer>): string {
  return body.toString("utf8");
}

/** Whatever goes wrong on the way to the hub is no fault of the caller's. */
function asUnavailable(cause: unknown): never {
  throw new AppError("unavailable", "The model hub cannot be asked right now.", { cause });
}
