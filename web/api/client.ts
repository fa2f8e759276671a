import { detailText } from "./detail.js";

/** The platform refused; `message` is what it said. Status 0: it was not reached. */
export class ApiError extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.name = "ApiError";
    this.status = status;
  }
}

interface Ask {
  readonly method?: "GET" | "POST" | "DELETE";
  readonly body?: unknown;
  readonly signal?: AbortSignal | undefined;
}

/** Requests in the name of one session. */
export interface Api {
  /** The answer's JSON. @throws ApiError */
  json(path: string, ask?: Ask): Promise<unknown>;
  /** The answer itself, already known to be a success. `url` may be of another host of the platform. @throws ApiError */
  open(url: string, ask?: Ask): Promise<Response>;
}

/** `onRefused` hears that the credential is no longer accepted. */
export function openApi(token: string, onRefused?: (message: string) => void): Api {
  const open = async (url: string, { method = "GET", body, signal }: Ask = {}): Promise<Response> => {
    const headers = {
      ...(token !== "" && { authorization: `Bearer ${token}` }),
      ...(body !== undefined && { "content-type": "application/json" }),
    };
    const payload = body === undefined ? null : JSON.stringify(body);
    const answer = await reach(url, { method, headers, body: payload, signal: signal ?? null });
    if (answer.ok) return answer;
    const error = await refusalOf(answer);
    if (answer.status === 401) onRefused?.(error.message);
    throw error;
  };
  return { open, json: async (path, ask) => (await open(path, ask)).json() };
}

/** True when the caller itself gave up. */
export function isAbort(error: unknown): boolean {
  return error instanceof DOMException && error.name === "AbortError";
}

/** Any failure in words. */
export function wordsOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

async function reach(url: string, init: RequestInit): Promise<Response> {
  try {
    return await fetch(url, { ...init, credentials: "omit" });
  } catch (error) {
    if (isAbort(error)) throw error;
    throw new ApiError(0, "The platform cannot be reached. Check that it is running, then try again.");
  }
}

async function refusalOf(answer: Response): Promise<ApiError> {
  const body: unknown = await answer.json().catch(() => undefined);
  const words = detailText(body) ?? `The platform answered ${answer.status} ${answer.statusText}`.trim();
  return new ApiError(answer.status, words);
}
