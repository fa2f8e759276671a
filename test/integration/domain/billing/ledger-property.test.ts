import fc from "fast-check";
import { sql } from "kysely";
import pg from "pg";
import { expect } from "vitest";
import { registerAccount } from "../../../../src/domain/accounts/registration.js";
import { adjustBalance, transferBalance } from "../../../../src/domain/billing/balance-repository.js";
import { PLATFORM_ACCOUNT, postTransfer, userAccount } from "../../../../src/domain/billing/ledger-repository.js";
import { settledLine } from "../../../../src/domain/invocations/settled-attempt.js";
import { ensurePartitions, settleAttempts } from "../../../../src/domain/invocations/settlement-repository.js";
import { type Db, openPostgres } from "../../../../src/infra/postgres/client.js";
import { AppError } from "../../../../src/kernel/errors.js";
import { uuid5 } from "../../../../src/wire/ids.js";
import { test } from "../../../support/fixtures.js";
import { auditBooks } from "../../../support/money-test.js";

const NOW = new Date("2026-01-08T12:00:00Z");
const OPERATIONS = 2000;
const USERS = 12;
/** These only ever receive, give away and are given: no charge, no correction. */
const FRUGAL = 4;
const POOLS = 3;
const AT_ONCE = 12;
/** A killed connection is no answer: whoever asked asks again. */
const MOST_TRIES = 60;
const REASONS = { deposit: "deposit", fee: "deployment fee" } as const;

const user = fc.nat(USERS - 1);
const spender = fc.integer({ min: FRUGAL, max: USERS - 1 });
const amount = fc.bigInt({ min: 1n, max: 3_000_000n });
const operation = fc.record({
  what: fc.oneof(
    { weight: 5, arbitrary: fc.record({ kind: fc.constant("transfer" as const), from: user, to: user, amount }) },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant("deposit" as const), to: user, amount }) },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant("fee" as const), from: spender, amount }) },
    {
      weight: 2,
      arbitrary: fc.record({ kind: fc.constant("adjust" as const), to: spender, amount, isGift: fc.boolean() }),
    },
    {
      weight: 3,
      arbitrary: fc.record({
        kind: fc.constant("invocations" as const),
        calls: fc.array(fc.record({ from: spender, amount }), { minLength: 1, maxLength: 4 }),
      }),
    },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant("register" as const) }) },
  ),
  /** How often it is asked for, as by a client whose answer was lost. */
  times: fc.oneof({ weight: 3, arbitrary: fc.constant(1) }, { weight: 1, arbitrary: fc.integer({ min: 2, max: 3 }) }),
});
type Operation = ReturnType<typeof fc.sample<typeof operation extends fc.Arbitrary<infer T> ? T : never>>[number];

function register(db: Db, username: string): Promise<unknown> {
  return registerAccount(db, {
    username,
    hotkey: null,
    coldkey: null,
    isFree: false,
    clientAddress: null,
    now: NOW,
    wallet: async () => ({ address: `wallet of ${username}`, secret: "s" }),
    pepper: "",
    takesDeposits: false,
  });
}

/** Carries an operation out under a key of its own. Resolves to false when it was refused for lack of money. */
async function run(db: Db, key: string, { what, users }: { what: Operation["what"]; users: readonly string[] }) {
  const id = (index: number) => users[index] ?? "";
  const by = { actor: "test", clientAddress: null, now: NOW };
  switch (what.kind) {
    case "transfer": {
      if (what.from === what.to) return false;
      const eventIds = { debit: uuid5(`${key} debit`), credit: uuid5(`${key} credit`) };
      const ends = { fromUserId: id(what.from), toUserId: id(what.to) };
      return transferBalance(db, { ...by, ...ends, amountMicroUsd: what.amount, eventIds }).then(() => true);
    }
    case "deposit":
      return book(db, {
        from: "platform:deposits",
        to: userAccount(id(what.to)),
        amount: what.amount,
        key,
        reason: REASONS.deposit,
      });
    case "fee":
      return book(db, {
        from: userAccount(id(what.from)),
        to: PLATFORM_ACCOUNT.fees,
        amount: what.amount,
        key,
        reason: REASONS.fee,
      });
    case "adjust": {
      const amountMicroUsd = what.isGift ? what.amount : -what.amount;
      const eventId = uuid5(key);
      return adjustBalance(db, { ...by, userId: id(what.to), amountMicroUsd, reason: "r", eventId }).then(() => true);
    }
    case "invocations":
      await settleAttempts(
        db,
        what.calls.map((call, index) => attempt(id(call.from), call.amount, uuid5(`${key} ${index}`))),
        NOW,
      );
      return true;
    case "register":
      await register(db, key).catch((error: unknown) => {
        // The first answer was lost: the account is there.
        if (!(error instanceof AppError && error.kind === "conflict")) throw error;
      });
      return true;
  }
}

interface Booking {
  readonly from: string;
  readonly to: string;
  readonly amount: bigint;
  readonly key: string;
  readonly reason: string;
}

function book(db: Db, { from, to, amount: amountMicroUsd, key, reason }: Booking): Promise<boolean> {
  return db.transaction().execute(async (tx) => {
    await postTransfer(tx, { from, to, amountMicroUsd, reason, idempotencyKey: key, now: NOW });
    await sql`select 1`.execute(tx);
    return true;
  });
}

function attempt(userId: string, amountMicroUsd: bigint, invocationId: string): string {
  return settledLine({
    invocationId,
    parentInvocationId: invocationId,
    chuteId: "c1",
    chuteUserId: "owner",
    functionName: "f",
    userId,
    imageId: "i",
    imageUserId: "owner",
    instanceId: "x",
    minerUid: 1,
    minerHotkey: "m",
    startedAt: NOW,
    completedAt: NOW,
    errorMessage: null,
    computeMultiplier: 1,
    metrics: null,
    amountMicroUsd,
    isCharged: true,
    inputTokens: 0,
    outputTokens: 0,
  });
}

async function untilAnswered(work: () => Promise<boolean>): Promise<boolean> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await work();
    } catch (error) {
      if (error instanceof AppError && error.kind === "invalid") return false;
      if (tries === MOST_TRIES) throw error;
    }
  }
}

/** Kills connections at work, transactions open or not, until stopped. @returns how many */
function killConnections(url: string): { stop(): Promise<number> } {
  const client = new pg.Client({ connectionString: url });
  let isStopped = false;
  const done = (async () => {
    await client.connect();
    let killed = 0;
    while (!isStopped) {
      const { rows } = await client.query(
        `select pg_terminate_backend(pid) from pg_stat_activity
         where datname = current_database() and pid <> pg_backend_pid() and xact_start is not null
         order by random() limit 1`,
      );
      killed += rows.length;
      await new Promise((resolve) => setTimeout(resolve, 15));
    }
    await client.end();
    return killed;
  })();
  return {
    stop: () => {
      isStopped = true;
      return done;
    },
  };
}

test("money is neither made nor lost, whatever is retried, raced or cut off half way", async ({ db, databaseUrl }) => {
  await ensurePartitions(db, NOW);
  for (let index = 0; index < USERS; index += 1) await register(db, `user_${index}`);
  const rows = await db.selectFrom("users").select(["user_id", "username"]).execute();
  const users = rows
    .sort((a, b) => Number(a.username.slice(5)) - Number(b.username.slice(5)))
    .map((row) => row.user_id);
  const operations = fc.sample(operation, OPERATIONS);
  const pools = Array.from({ length: POOLS }, () =>
    openPostgres({ url: databaseUrl, poolSize: 4, statementTimeoutMs: 20_000 }),
  );
  const killer = killConnections(databaseUrl);
  const applied = new Map<string, Operation["what"]>();
  const queue = operations.entries();
  const worker = async (number: number) => {
    for (const [index, { what, times }] of queue) {
      const key = `op-${index}`;
      const answers = await Promise.all(
        Array.from({ length: times }, (_, copy) => {
          const pool = pools[(number + copy) % POOLS] ?? db;
          return untilAnswered(() => run(pool, key, { what, users }).then((isDone) => isDone));
        }),
      );
      if (answers.includes(true)) applied.set(key, what);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, (_, number) => worker(number))).finally(() => killer.stop());
  const killed = await killer.stop();
  await Promise.all(pools.map((pool) => pool.destroy()));

  expect(killed).toBeGreaterThan(20);
  expect(await auditBooks(db)).toEqual({ sum: 0n, wrong: [] });
  const { rows: unpaired } = await sql`
    select transfer_id from ledger_entries group by 1 having count(*) <> 2 or sum(amount_micro_usd) <> 0`.execute(db);
  expect(unpaired).toEqual([]);
  expect(await totals(db)).toEqual(expectedTotals([...applied.values()]));
  const { rows: poor } = await sql`
    select username from users where balance_micro_usd < 0 and user_id = any(${users.slice(0, FRUGAL)}::text[])`.execute(
    db,
  );
  expect(poor).toEqual([]);
}, 60_000);

/** Money that came to each of the platform's accounts, and how many transfers and accounts there are. */
async function totals(db: Db) {
  const { rows } = await sql<{ account: string; amount: bigint }>`
    select account, sum(amount_micro_usd)::bigint as amount from ledger_entries where account like 'platform:%' group by 1`.execute(
    db,
  );
  const of = (account: string) => rows.find((row) => row.account === account)?.amount ?? 0n;
  const { rows: counts } = await sql<{ transfers: number; users: number }>`
    select (select count(*)::integer from ledger_transfers where reason = 'balance transfer') as transfers,
      (select count(*)::integer from users) as users`.execute(db);
  return {
    revenue: of(PLATFORM_ACCOUNT.revenue),
    fees: of(PLATFORM_ACCOUNT.fees),
    adjustments: of(PLATFORM_ACCOUNT.adjustments),
    deposits: of("platform:deposits"),
    ...counts[0],
  };
}

function expectedTotals(applied: readonly Operation["what"][]) {
  const sum = (amountOf: (what: Operation["what"]) => bigint) =>
    applied.reduce((total, what) => total + amountOf(what), 0n);
  const count = (kind: string) => applied.filter((what) => what.kind === kind).length;
  return {
    revenue: sum((what) =>
      what.kind === "invocations" ? what.calls.reduce((total, call) => total + call.amount, 0n) : 0n,
    ),
    fees: sum((what) => (what.kind === "fee" ? what.amount : 0n)),
    adjustments: sum((what) => {
      if (what.kind !== "adjust") return 0n;
      return what.isGift ? -what.amount : what.amount;
    }),
    deposits: sum((what) => (what.kind === "deposit" ? -what.amount : 0n)),
    transfers: count("transfer"),
    users: USERS + count("register"),
  };
}
