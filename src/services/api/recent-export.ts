import { recentLine } from "../../domain/audit/export-line.js";
import { recentInvocations } from "../../domain/audit/export-repository.js";
import type { Db } from "../../infra/postgres/client.js";
import { AppError } from "../../kernel/errors.js";
import { csvLine } from "../../wire/csv.js";
import { sha256Hex } from "../../wire/hashes.js";
import { RECENT_COLUMNS } from "../../wire/invocation-csv.js";
import { parseQueryBoolean } from "../../wire/python.js";
import { decodeSs58 } from "../../wire/ss58.js";
import { ExpiringCache } from "./directory/expiring-cache.js";

const DAY_MS = 86_400_000;
const DEFAULT_ROWS = 100;
const MOST_ROWS = 10_000;
/** Identical questions within a minute share one answer; an answer is at most some 6 MB. */
const CACHE_TTL_MS = 60_000;
const CACHED_ANSWERS = 8;

interface RecentCsv {
  readonly bytes: Buffer;
  readonly sha256: string;
}

/** Query of `recent` as it arrives. */
interface RecentQuestion {
  readonly hotkey?: string | undefined;
  readonly limit?: string | undefined;
  readonly all?: string | undefined;
}

/**
 * Answers `recent` from memory while it is fresh enough.
 * @returns a function that throws AppError `invalid` for a limit that is no number, a hotkey that is none, an `all` that is no boolean
 * @see protocol 08 §3.2
 */
export function recentExports(deps: {
  readonly db: Db;
  readonly now: () => Date;
}): (question: RecentQuestion) => Promise<RecentCsv | undefined> {
  const cache = new ExpiringCache<RecentCsv>({
    load: async (key) => buildRecent(deps.db, { ...(JSON.parse(key) as Asked), now: deps.now() }),
    now: deps.now,
    limit: CACHED_ANSWERS,
    ttlMs: CACHE_TTL_MS,
    negativeTtlMs: 0,
  });
  return (question) => cache.get(JSON.stringify(parseQuestion(question)));
}

interface Asked {
  readonly hotkey?: string;
  readonly limit: number;
  readonly all: boolean;
}

function parseQuestion({ hotkey, limit, all }: RecentQuestion): Asked {
  if (hotkey && decodeSs58(hotkey) === undefined) throw new AppError("invalid", "hotkey is not an SS58 address");
  return { ...(hotkey ? { hotkey } : {}), limit: parseLimit(limit), all: parseAll(all) };
}

function parseLimit(text: string | undefined): number {
  if (text === undefined || text === "") return DEFAULT_ROWS;
  if (!/^-?\d{1,15}$/.test(text)) throw new AppError("invalid", "limit must be a number");
  const limit = Number(text);
  return limit <= 0 ? DEFAULT_ROWS : Math.min(limit, MOST_ROWS);
}

function parseAll(text: string | undefined): boolean {
  if (text === undefined || text === "") return false;
  const all = parseQueryBoolean(text);
  if (all === undefined) throw new AppError("invalid", "all must be true or false");
  return all;
}

async function buildRecent(db: Db, { hotkey, limit, all, now }: Asked & { readonly now: Date }): Promise<RecentCsv> {
  const since = new Date(now.getTime() - DAY_MS);
  const rows = await recentInvocations(db, { since, hotkey, limit, all });
  const bytes = Buffer.from(csvLine(RECENT_COLUMNS) + rows.map(recentLine).join(""));
  return { bytes, sha256: sha256Hex(bytes) };
}
