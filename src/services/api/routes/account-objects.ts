import { Type } from "typebox";
import type { Account, AccountCard } from "../../../domain/accounts/account.js";
import { permissionTexts } from "../../../domain/accounts/permission-texts.js";
import type { RegisteredAccount } from "../../../domain/accounts/registration.js";
import type { Config } from "../../../kernel/config/schema.js";
import { zuluIso } from "../../../wire/timestamps.js";
import { logoUrl } from "../logo-url.js";
import { NewKeyObject, type newKeyObject } from "./api-key-objects.js";

const Nullable = (description: string) => Type.Union([Type.String(), Type.Null()], { description });

/** Wire form of `accountCard`. */
export const CardObject = Type.Object({
  username: Type.String(),
  user_id: Type.String(),
  logo_id: Nullable("id of the logo"),
  created_at: Type.String(),
  logo: Nullable("URL of the logo"),
});

const OwnMembers = {
  ...CardObject.properties,
  hotkey: Nullable("ss58 address"),
  coldkey: Type.String(),
  payment_address: Type.String(),
  developer_payment_address: Type.Optional(Type.String({ description: "where a developer's deposit goes" })),
};

/** Wire form of `selfObject`. */
export const SelfObject = Type.Object({
  ...OwnMembers,
  permissions_bitmask: Type.Integer(),
  balance: Type.Number({ description: "USD, less what running private instances cost so far" }),
  permissions: Type.Array(Type.String()),
});

/** Wire form of `registrationObject`. */
export const RegistrationObject = Type.Object({
  ...OwnMembers,
  fingerprint: Type.String({ description: "master secret of the account; never shown again" }),
  api_key: Type.Union([NewKeyObject, Type.Null()]),
});

const MICRO_USD = 1_000_000;

/** An account as others see it. @see protocol 03 §9.2 */
export function accountCard(config: Config, card: AccountCard) {
  return {
    username: card.username,
    user_id: card.userId,
    logo_id: card.logoId,
    created_at: zuluIso(card.createdAt),
    logo: logoUrl(config, card.logoId),
  };
}

/** An account as its owner sees it. @see protocol 01 §6.4 */
export function selfObject(config: Config, account: Account, effectiveBalanceMicroUsd: bigint) {
  return {
    ...ownMembers(config, account),
    permissions_bitmask: account.permissions,
    balance: Number(effectiveBalanceMicroUsd) / MICRO_USD,
    permissions: permissionTexts(account),
  };
}

/** What registering answers: the only time that the fingerprint is seen. @see protocol 01 §6.3, §8 */
export function registrationObject(
  config: Config,
  { account, fingerprint }: RegisteredAccount,
  apiKey: ReturnType<typeof newKeyObject> | null,
) {
  return { ...ownMembers(config, account), fingerprint, api_key: apiKey };
}

function ownMembers(config: Config, account: Account) {
  return {
    ...accountCard(config, account),
    hotkey: account.hotkey,
    coldkey: account.coldkey,
    payment_address: account.paymentAddress,
    ...(account.developerPaymentAddress !== undefined && {
      developer_payment_address: account.developerPaymentAddress,
    }),
  };
}
