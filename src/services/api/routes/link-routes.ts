import type { FastifyPluginAsyncTypebox } from "@fastify/type-provider-typebox";
import type { FastifyRequest } from "fastify";
import { Type } from "typebox";
import { type Link, linkHotkey } from "../../../domain/accounts/link-repository.js";
import { AppError } from "../../../kernel/errors.js";
import { verifyHotkeyMessage } from "../../../wire/hotkey-signature.js";
import type { ApiDeps } from "../deps.js";
import type { Directory } from "../directory/directory.js";
import { accountOf } from "../principal.js";
import { currentSelf } from "./account-change-routes.js";
import { SelfObject } from "./account-objects.js";

type Deps = Pick<ApiDeps, "config" | "db" | "now"> & { readonly directory: Directory };

const LinkQuery = Type.Object({ hotkey: Type.String(), signature: Type.String() });

/** Links the account to a validator's or subnet owner's hotkey, where the operator lists such hotkeys. @see protocol 01 §7 */
export const linkRoutes: FastifyPluginAsyncTypebox<Deps> = async (app, deps) => {
  const { validatorHotkeys, subnetOwnerHotkeys } = deps.config.accounts;
  const options = {
    config: { auth: { purpose: "link_account" } },
    schema: { querystring: LinkQuery, response: { 200: SelfObject } },
  };
  app.get("/users/link_validator", options, async (request) =>
    link(deps, request, { role: "validator", listed: listOf(validatorHotkeys), ...request.query }),
  );
  app.get("/users/link_subnet_owner", options, async (request) =>
    link(deps, request, { role: "subnet_owner", listed: listOf(subnetOwnerHotkeys), ...request.query }),
  );
};

interface WantedLink {
  readonly role: Link["role"];
  readonly listed: ReadonlySet<string>;
  readonly hotkey: string;
  readonly signature: string;
}

async function link(deps: Deps, request: FastifyRequest, { role, listed, hotkey, signature }: WantedLink) {
  const { userId, username } = accountOf(request);
  if (listed.size === 0) throw new AppError("not_found", "Not Found");
  const isSigned = verifyHotkeyMessage({ hotkey, message: `${hotkey}:${username}`, signatureHex: signature });
  if (!listed.has(hotkey) || !isSigned)
    throw new AppError("unauthorized", `The hotkey is not listed, or did not sign ${hotkey}:${username}.`);
  const { clientAddress } = request;
  await linkHotkey(deps.db, { userId, hotkey, role, clientAddress, now: deps.now() });
  deps.directory.drop({ kind: "account", id: userId });
  return currentSelf(deps, userId);
}

function listOf(setting: string): ReadonlySet<string> {
  return new Set(
    setting
      .split(",")
      .map((hotkey) => hotkey.trim())
      .filter(Boolean),
  );
}
