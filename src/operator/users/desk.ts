import { userInfo } from "node:os";
import type { Account } from "../../domain/accounts/account.js";
import { accountByIdOrName } from "../../domain/accounts/account-repository.js";
import { announceNow } from "../../domain/outbox/invalidation-store.js";
import type { Invalidation } from "../../domain/outbox/outbox-repository.js";
import type { Db } from "../../infra/postgres/client.js";
import { openRedis, type Redis } from "../../infra/redis/client.js";
import { requireSettings } from "../../kernel/config/require.js";
import type { Config } from "../../kernel/config/schema.js";
import type { Context } from "../../kernel/context.js";
import { AppError } from "../../kernel/errors.js";
import { CloseStack } from "../../kernel/lifecycle.js";
import { reachableDatabase } from "./reachable-database.js";

/** Where an operator works on accounts: the database itself, with or without a running platform. */
export interface Desk {
  readonly config: Config;
  readonly db: Db;
  readonly now: () => Date;
  /** How changes are recorded. */
  readonly by: { readonly actor: string; readonly clientAddress: null; readonly now: Date };
  /** Shared memory, when it is configured and another process could see it. */
  readonly redis: Redis | undefined;
  /** Tells running processes at once; the outbox row of a change tells them in any case. */
  announce(changes: readonly Invalidation[]): Promise<void>;
}

/** Opens a desk, works at it, closes it. @throws AppError `config` without a database, `unavailable` when it is away */
export async function atDesk<T>(ctx: Context, work: (desk: Desk) => Promise<T>): Promise<T> {
  const { config, log, now } = ctx;
  requireSettings(config, ["postgres.url"]);
  const stack = new CloseStack();
  try {
    const db = await reachableDatabase(config);
    stack.add(() => db.destroy());
    const isShared = config.redis.url !== "" && !config.redis.url.startsWith("memory:");
    const redis = isShared ? openRedis(config.redis.url, log) : undefined;
    if (redis !== undefined) stack.add(() => redis.disconnect());
    const by = { actor: `operator:${operatorName()}`, clientAddress: null, now: now() };
    const announce = async (changes: readonly Invalidation[]) => {
      if (redis !== undefined) await announceNow(redis, changes);
    };
    return await work({ config, db, now, by, redis, announce });
  } finally {
    await stack.close();
  }
}

/** The account of that id or name. @throws AppError `not_found` */
export async function accountAt(desk: Pick<Desk, "db">, idOrName: string): Promise<Account> {
  const account = await accountByIdOrName(desk.db, idOrName);
  if (account === undefined) throw new AppError("not_found", `there is no user ${idOrName}`);
  return account;
}

/** Containers run as users that have no name. */
function operatorName(): string {
  try {
    return userInfo().username;
  } catch {
    return `uid-${process.getuid?.() ?? "unknown"}`;
  }
}
