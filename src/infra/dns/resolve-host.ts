import { lookup } from "node:dns/promises";
import { AppError } from "../../kernel/errors.js";
import { withTimeout } from "../../kernel/lifecycle.js";

const TIMEOUT_MS = 5000;

/**
 * All addresses of a name, as the system's resolver knows them.
 * @throws AppError `unavailable` after 5 s, and the resolver's own error for unknown names
 * @see protocol 05 §3.2
 */
export async function resolveHost(name: string): Promise<string[]> {
  const late = () => new AppError("unavailable", `resolving ${name} took longer than ${TIMEOUT_MS} ms`);
  const records = await withTimeout(TIMEOUT_MS, () => lookup(name, { all: true }), late);
  return records.map(({ address }) => address);
}
