import { type Db, openPostgres } from "../../infra/postgres/client.js";
import { requireSettings } from "../../kernel/config/require.js";
import type { Context } from "../../kernel/context.js";

/** Opens the platform's database for one piece of work. */
export async function withDatabase<T>({ config }: Context, work: (db: Db) => Promise<T>): Promise<T> {
  requireSettings(config, ["postgres.url"]);
  const db = openPostgres({ ...config.postgres, poolSize: 2 });
  try {
    return await work(db);
  } finally {
    await db.destroy();
  }
}
