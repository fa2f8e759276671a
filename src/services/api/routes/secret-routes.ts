import type { FastifyPluginAsyncTypebox } from "@fastify/type-provider-typebox";
import { Type } from "typebox";
import { SECRETS_PER_CHUTE, type Secret, secretProblem } from "../../../domain/secrets/secret.js";
import {
  deleteSecret,
  findSecret,
  insertSecret,
  listSecrets,
  ownChuteId,
} from "../../../domain/secrets/secret-repository.js";
import { AppError } from "../../../kernel/errors.js";
import { secretIdOf } from "../../../wire/ids.js";
import { zuluIso } from "../../../wire/timestamps.js";
import { encryptWalletText } from "../../../wire/wallet-cipher.js";
import { checkedBody } from "../checked-body.js";
import type { ApiDeps } from "../deps.js";
import { pageOf, pageParameters } from "../page-query.js";
import { accountOf } from "../principal.js";

type Plugin = FastifyPluginAsyncTypebox<Pick<ApiDeps, "config" | "db" | "now">>;

const LIST_CAP = 1000;

const Text = Type.String();

/** The value's type is checked apart: a refusal must not repeat it. */
const SecretBody = Type.Object({
  purpose: Type.String({ minLength: 1, maxLength: 256 }),
  key: Type.String({ maxLength: 1024 }),
  value: Type.Unknown(),
});

/** The same body, as the API's document tells it. */
const SecretForm = Type.Object({ ...SecretBody.properties, value: Type.String({ description: "up to 32 KiB" }) });

const SecretObject = Type.Object({ secret_id: Text, key: Text, purpose: Text, created_at: Text });

const NewSecretObject = Type.Object({ ...SecretObject.properties, user_id: Text });

const SecretPage = Type.Object({
  total: Type.Integer(),
  page: Type.Integer(),
  limit: Type.Integer(),
  items: Type.Array(SecretObject),
  cord_refs: Type.Null(),
});

const SecretParams = Type.Object({ id: Text });
const READ = { auth: { purpose: "secrets" } } as const;

/** Environment secrets of the caller's chutes. No answer ever holds a value. @see protocol 01 §12 */
export const secretRoutes: Plugin = async (app, deps) => {
  await app.register(readRoutes, deps);
  await app.register(writeRoutes, deps);
};

const readRoutes: Plugin = async (app, { db }) => {
  const ListQuery = Type.Object(pageParameters({ lowest: 0 }));
  app.get(
    "/secrets/",
    { config: READ, schema: { querystring: ListQuery, response: { 200: SecretPage } } },
    async (request) => {
      const { page, limit, offset } = pageOf(request.query, LIST_CAP);
      const found = await listSecrets(db, { userId: accountOf(request).userId, limit, offset });
      return { total: found.total, page, limit, items: found.items.map(secretObject), cord_refs: null };
    },
  );

  app.get(
    "/secrets/:id",
    { config: READ, schema: { params: SecretParams, response: { 200: SecretObject } } },
    async (request) => {
      const secret = await findSecret(db, accountOf(request).userId, request.params.id);
      if (secret === undefined) throw notFound();
      return secretObject(secret);
    },
  );
};

const writeRoutes: Plugin = async (app, { config, db, now }) => {
  app.post(
    "/secrets/",
    { config: { auth: {} }, schema: { body: SecretForm, response: { 200: NewSecretObject } } },
    async (request) => {
      const { userId } = accountOf(request);
      const { purpose, key, value } = checkedBody(request, SecretBody);
      if (typeof value !== "string") throw notText();
      const problem = secretProblem({ key, value });
      if (problem !== undefined) throw new AppError("invalid", problem);
      const chuteId = await ownChuteId(db, userId, purpose);
      if (chuteId === undefined) throw new AppError("not_found", "You have no such chute.");
      const secret = { secretId: secretIdOf({ userId, chuteId, key }), userId, chuteId, key, createdAt: now() };
      const { walletKey: walletKeyHex, pgEncryptionKey: pgKey } = config.accounts;
      const sealedValue = await encryptWalletText(value, { walletKeyHex, pgKey });
      const outcome = await insertSecret(db, { ...secret, sealedValue });
      if (outcome === "gone") throw new AppError("not_found", "You have no such chute.");
      if (outcome === "exists") throw new AppError("conflict", `The chute has a secret ${key} already.`);
      if (outcome === "full") throw new AppError("invalid", `A chute has at most ${SECRETS_PER_CHUTE} secrets.`);
      return { ...secretObject(secret), user_id: userId };
    },
  );

  const Deleted = Type.Object({ status: Text, secret_id: Text });
  app.delete(
    "/secrets/:id",
    { config: READ, schema: { params: SecretParams, response: { 200: Deleted } } },
    async (request) => {
      const secretId = request.params.id.toLowerCase();
      if (!(await deleteSecret(db, accountOf(request).userId, secretId))) throw notFound();
      return { status: "deleted", secret_id: secretId };
    },
  );
};

function secretObject({ secretId, key, chuteId, createdAt }: Secret) {
  return { secret_id: secretId, key, purpose: chuteId, created_at: zuluIso(createdAt) };
}

function notText(): AppError {
  const problem = { type: "type", loc: ["body", "value"], msg: "must be string" };
  return new AppError("unprocessable", "value must be a string.", { detail: [problem] });
}

function notFound(): AppError {
  return new AppError("not_found", "Secret not found.");
}
