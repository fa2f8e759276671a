import { type Db, openPostgres, pingPostgres } from "../../infra/postgres/client.js";
import type { Config } from "../../kernel/config/schema.js";
import { AppError, messageOf } from "../../kernel/errors.js";

/** The database of commands that end; it has answered once. @throws AppError `unavailable` DB002 when it does not */
export async function reachableDatabase({ postgres }: Pick<Config, "postgres">): Promise<Db> {
  const db = openPostgres({ ...postgres, poolSize: 4 });
  try {
    await pingPostgres(db);
    return db;
  } catch (cause) {
    await db.destroy();
    throw new AppError("unavailable", `the database does not answer: ${messageOf(cause)}`, {
      code: "DB002",
      fix: "check POSTGRES_URL and that the server runs",
      cause,
    });
  }
}
