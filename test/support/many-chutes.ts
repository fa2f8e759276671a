import { sql } from "kysely";
import type { Db } from "../../src/infra/postgres/client.js";
import { TEMPLATE_CORDS } from "../../src/wire/cords.js";

export interface ManyChutes {
  readonly userId: string;
  readonly imageId: string;
  readonly chutes: number;
  readonly instancesEach: number;
}

const MADE_AT = new Date("2025-10-01T00:00:00Z");

/** Public language models `org/model-1`, `org/model-2`, … of one owner, each with instances that serve; in two statements. */
export async function givenManyChutes(db: Db, given: ManyChutes): Promise<void> {
  const { userId, imageId, chutes, instancesEach } = given;
  const cords = JSON.stringify(TEMPLATE_CORDS.vllm);
  await sql`
    insert into chutes (chute_id, user_id, name, image_id, public, standard_template, cords, node_selector, slug, code, filename,
      ref_str, version, concurrency, invocation_count, created_at, updated_at)
    select gen_random_uuid()::text, ${userId}, 'org/model-' || n, ${imageId}, true, 'vllm', ${cords}::json,
      '{"gpu_count": 1, "min_vram_gb_per_gpu": 24}'::jsonb, 'slug-' || n, repeat('x', 1000), 'app.py', 'app:chute', 'v1', 8, n,
      ${MADE_AT}::timestamptz, ${MADE_AT}::timestamptz
    from generate_series(1, ${chutes}::integer) n`.execute(db);
  await sql`
    insert into instances (instance_id, chute_id, version, miner_uid, miner_hotkey, miner_coldkey, host, port, active, verified,
      created_at, updated_at, activated_at)
    select gen_random_uuid()::text, c.chute_id, 'v1', 1, 'hotkey', 'coldkey', c.slug, 8000 + n, true, true,
      ${MADE_AT}::timestamptz, ${MADE_AT}::timestamptz, ${MADE_AT}::timestamptz
    from chutes c, generate_series(1, ${instancesEach}::integer) n where c.user_id = ${userId}`.execute(db);
  await sql`analyze chutes, instances`.execute(db);
}
