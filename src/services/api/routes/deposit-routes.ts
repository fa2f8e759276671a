import type { FastifyPluginAsyncTypebox } from "@fastify/type-provider-typebox";
import { Type } from "typebox";
import type { Account } from "../../../domain/accounts/account.js";
import { throttle } from "../../../domain/accounts/attempt-store.js";
import { newWallet } from "../../../domain/accounts/registration.js";
import {
  type DepositWallet,
  depositState,
  depositWallet,
  endReturn,
  keepDepositWallet,
  startReturn,
} from "../../../domain/billing/developer-deposit-repository.js";
import { walletKeysOf } from "../../../domain/billing/wallet-keys.js";
import { AppError } from "../../../kernel/errors.js";
import { keypairFromMnemonic } from "../../../wire/mnemonic.js";
import { decodeSs58 } from "../../../wire/ss58.js";
import { decryptWalletText } from "../../../wire/wallet-cipher.js";
import { checkedBody } from "../checked-body.js";
import type { ApiDeps } from "../deps.js";
import { type DeveloperRoleDeps, grantDeveloperRole } from "../developer-role.js";
import type { Directory } from "../directory/directory.js";
import { accountOf } from "../principal.js";

type Deps = DeveloperRoleDeps & Pick<ApiDeps, "redis" | "log"> & { readonly directory: Directory };

const Optional = (description: string) => Type.Optional(Type.String({ description }));
const DepositObject = Type.Object({
  usd: Type.Number(),
  tao_estimate: Type.Union([Type.Number(), Type.Null()]),
  message: Type.String(),
  developer_payment_address: Optional("where the caller's deposit goes"),
  is_developer: Type.Optional(Type.Boolean()),
});
const ReturnBody = Type.Object({ address: Type.String({ description: "ss58 address" }) });
const ReturnObject = Type.Object({ status: Type.String(), message: Type.String() });

const KEPT_DAYS = 7;
const DAY_MS = 86_400_000;
const RETURNS_PER_MINUTE = 3;

/** Deposits that make accounts developers, on platforms that ask for them. @see protocol 01 §11 */
export const depositRoutes: FastifyPluginAsyncTypebox<Deps> = async (app, deps) => {
  const { config, taoPrice } = deps;
  const usd = config.accounts.developerDepositUsd;
  if (usd === 0) return;

  const deposit = {
    config: { auth: { purpose: "me", anonymous: true } },
    schema: { response: { 200: DepositObject } },
  };
  app.get("/developer_deposit", deposit, async (request) => {
    const taoUsd = await taoPrice.usd();
    const offer = { usd, tao_estimate: taoUsd === undefined ? null : Number((usd / taoUsd).toFixed(9)) };
    const { account } = request.principal;
    if (account === undefined) return { ...offer, message: `Deposit ${usd} USD in TAO to become a developer.` };
    const { address } = await walletOf(deps, account);
    const { isDeveloper } = await grantDeveloperRole(deps, { ...account, developerPaymentAddress: address });
    const message = isDeveloper
      ? "Your account is a developer's."
      : `Send TAO worth ${usd} USD to ${address} to become a developer.`;
    return { ...offer, message, developer_payment_address: address, is_developer: isDeveloper };
  });

  const giveBack = {
    config: { auth: { fingerprint: "also" as const } },
    schema: { body: ReturnBody, response: { 200: ReturnObject } },
  };
  app.post("/return_developer_deposit", giveBack, async (request) => {
    const account = accountOf(request);
    const { address } = checkedBody(request, ReturnBody);
    if (decodeSs58(address) === undefined || address === account.developerPaymentAddress)
      throw new AppError("invalid", "address must be an ss58 address with prefix 42 other than the deposit's own.");
    if (request.principal.apiKey !== undefined)
      throw new AppError("forbidden", "Sign this request with the account's hotkey, or send its fingerprint.");
    const attempt = { action: "return_deposit", key: account.userId, limit: RETURNS_PER_MINUTE, now: deps.now() };
    await throttle(deps.redis, attempt);
    const wallet = await requireReturnable(deps, account);
    await returnDeposit(deps, { account, wallet, address, clientAddress: request.clientAddress });
    return { status: "transferred", message: `Your deposit was sent to ${address}.` };
  });
};

/** Accounts from before deposits were asked for get their wallet now. */
async function walletOf(deps: Deps, { userId }: Account): Promise<DepositWallet> {
  const known = await depositWallet(deps.db, userId);
  if (known !== undefined) return known;
  const made = await newWallet(walletKeysOf(deps.config));
  const kept = await keepDepositWallet(deps.db, { userId, now: deps.now() }, made);
  if (kept === undefined) throw new AppError("unauthorized", "This account does not exist any more.");
  deps.directory.drop({ kind: "account", id: userId });
  return kept;
}

/** @throws AppError `invalid` when nothing was deposited, or too recently */
async function requireReturnable(deps: Deps, { userId }: Account): Promise<DepositWallet> {
  const [wallet, state] = await Promise.all([depositWallet(deps.db, userId), depositState(deps.db, userId)]);
  const isEmpty = wallet === undefined || (await deps.chain.freeBalance(wallet.address)) === 0n;
  if (isEmpty) throw new AppError("invalid", "No developer deposit was paid.");
  const keptMs = deps.now().getTime() - (state.at?.getTime() ?? 0);
  if (state.step === "deposit_accepted" && keptMs < KEPT_DAYS * DAY_MS)
    throw new AppError("invalid", `A deposit is returned ${KEPT_DAYS} days after it was accepted.`);
  return wallet;
}

interface Returned {
  readonly account: Account;
  readonly wallet: DepositWallet;
  readonly address: string;
  readonly clientAddress: string;
}

/** The role goes before the money does: a process that dies in between leaves a deposit without a role, never the reverse. */
async function returnDeposit(deps: Deps, { account, wallet, address, clientAddress }: Returned): Promise<void> {
  const { db, chain, directory } = deps;
  const { userId } = account;
  const signer = keypairFromMnemonic(await decryptWalletText(wallet.secret, walletKeysOf(deps.config)));
  const change = () => ({ userId, actor: userId, clientAddress, now: deps.now() });
  if (!(await startReturn(db, change(), address)))
    throw new AppError("conflict", "The deposit is being returned already.");
  directory.drop({ kind: "account", id: userId });
  try {
    const { amountRao, block } = await chain.transferAll({ from: signer, to: address });
    const details = { to: address, amountRao: String(amountRao), block };
    await endReturn(db, change(), { isReturned: true, details });
    deps.log.info({ userId, ...details }, "developer deposit returned");
  } catch (error) {
    // Only a refusal says that nothing was sent; after anything else the return counts as under way for a while.
    const isRefused = error instanceof AppError && error.kind === "conflict";
    if (isRefused) await endReturn(db, change(), { isReturned: false, details: { why: error.message } });
    throw error;
  } finally {
    directory.drop({ kind: "account", id: userId });
  }
}
