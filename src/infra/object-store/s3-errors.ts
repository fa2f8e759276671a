import { AppError, messageOf } from "../../kernel/errors.js";

/** Does this error carry the HTTP status? */
export function isStatus(error: unknown, status: number): boolean {
  return statusOf(error) === status;
}

/**
 * Runs an S3 call; an object that is not there is undefined.
 * @throws AppError `config` when bucket or credentials are wrong, `unavailable` when the store fails or cannot be reached
 */
export async function answerOf<T>(key: string, call: () => Promise<T>): Promise<T | undefined> {
  try {
    return await call();
  } catch (error) {
    if (error instanceof AppError || (statusOf(error) === undefined && !isNetwork(error))) throw error;
    const name = error instanceof Error ? error.name : "";
    if (isStatus(error, 404) && name !== "NoSuchBucket") return undefined;
    throw translate(error, key);
  }
}

function translate(cause: unknown, key: string): AppError {
  const status = statusOf(cause);
  const why = messageOf(cause);
  if (status === 401 || status === 403 || status === 404) {
    const fix = "check objectStore.url and the S3 key in the configuration";
    return new AppError("config", `the object store refused ${key}: ${why}`, { fix, cause });
  }
  return new AppError("unavailable", `the object store failed on ${key}: ${why}`, { cause });
}

function statusOf(error: unknown): number | undefined {
  return (error as { $metadata?: { httpStatusCode?: number } } | undefined)?.$metadata?.httpStatusCode;
}

/** The SDK passes socket errors on as they are, its own timeouts by name. */
function isNetwork(error: unknown): boolean {
  const { code, name } = error as { code?: unknown; name?: unknown };
  return name === "TimeoutError" || (typeof code === "string" && /^E[A-Z]+$/.test(code));
}
