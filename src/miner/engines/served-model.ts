import type { HttpClient } from "../../infra/http-client/client.js";
import { parseJson } from "../../wire/json.js";

const CACHE_MS = 60_000;
const LIST_TIMEOUT_MS = 10_000;

/** Finds out which name an engine's own server knows a model by. */
export class ServedModel {
  readonly #http: HttpClient;
  readonly #url: string;
  readonly #now: () => Date;
  #names: readonly string[] = [];
  #readAt: number | undefined;

  constructor(http: HttpClient, url: string, now: () => Date) {
    this.#http = http;
    this.#url = url;
    this.#now = now;
  }

  /**
   * The engine's name for the asked model: the same when it serves that one or does not say what it serves, its first model
   * otherwise, so that a chute need not be named after its weights.
   */
  async nameFor(asked: string): Promise<string> {
    const names = await this.#served();
    return names.includes(asked) ? asked : (names[0] ?? asked);
  }

  async #served(): Promise<readonly string[]> {
    const at = this.#now().getTime();
    if (this.#readAt !== undefined && at - this.#readAt < CACHE_MS) return this.#names;
    const names = await this.#read().catch(() => undefined);
    // A server that is still loading is asked again at once.
    if (names !== undefined) {
      this.#names = names;
      this.#readAt = at;
    }
    return this.#names;
  }

  async #read(): Promise<string[]> {
    const { body } = await this.#http.request(`${this.#url}/v1/models`, {
      signal: AbortSignal.timeout(LIST_TIMEOUT_MS),
    });
    const data: unknown = Reflect.get(Object(parseJson(body)), "data");
    const ids: unknown[] = Array.isArray(data) ? data.map((entry) => Reflect.get(Object(entry), "id")) : [];
    return ids.filter((id) => typeof id === "string");
  }
}

/** Puts the asked name in place of the engine's wherever an OpenAI-compatible answer names its model. */
export function renamer(engineName: string, askedName: string): (text: string) => string {
  // Inside a JSON string its quotes would be escaped, so generated text is never touched.
  const name = JSON.stringify(engineName).replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
  const pattern = new RegExp(`"(model|id|root)"(\\s*:\\s*)${name}`, "g");
  const asked = JSON.stringify(askedName);
  return (text) => text.replace(pattern, (_, key: string, colon: string) => `"${key}"${colon}${asked}`);
}
