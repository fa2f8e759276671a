import { randomUUID } from "node:crypto";
import type { FastifyPluginAsyncTypebox } from "@fastify/type-provider-typebox";
import type { FastifyRequest } from "fastify";
import { Type } from "typebox";
import { insertLogo, LOGOS_PER_ACCOUNT, logoKey } from "../../../domain/logos/logo-repository.js";
import { type LogoCodec, openLogoCodec } from "../../../infra/image-codec/logo-codec.js";
import { AppError } from "../../../kernel/errors.js";
import { isUuid } from "../../../wire/ids.js";
import type { ApiDeps } from "../deps.js";
import { openLogoBytes } from "../logo-bytes.js";
import { multipartFields } from "../multipart.js";
import { accountOf } from "../principal.js";
import { CACHE, sendBytes } from "../send-object.js";

type Deps = Pick<ApiDeps, "db" | "store" | "now">;

const MAX_LOGO_BYTES = 8 * 1024 * 1024;
/** Part headers and boundaries around the file. */
const FORM_BYTES = 64 * 1024;
const CONTENT_TYPE = "image/webp";

const NewLogo = Type.Object({ logo_id: Type.String(), path: Type.String() });
const LogoForm = Type.Object({ logo: Type.String({ format: "binary" }) });
const LogoParams = Type.Object({ file: Type.String() });
const Picture = Type.String({ format: "binary", description: "WebP, 512 × 512" });

/** Pictures of accounts, images and chutes. @see protocol 01 §13, 02 §10 */
export const logoRoutes: FastifyPluginAsyncTypebox<Deps> = async (app, deps) => {
  const codec = openLogoCodec();
  app.post(
    "/logos/",
    {
      config: { auth: {} },
      bodyLimit: MAX_LOGO_BYTES + FORM_BYTES,
      schema: { consumes: ["multipart/form-data"], body: LogoForm, response: { 200: NewLogo } },
    },
    async (request) => {
      const logoId = await keepLogo(deps, accountOf(request).userId, await logoOf(request, codec));
      return { logo_id: logoId, path: `/logos/${logoId}.webp` };
    },
  );

  const bytesOf = openLogoBytes(deps);
  app.get("/logos/:file", { schema: { params: LogoParams, response: { 200: Picture } } }, async (request, reply) => {
    const { logoId, extension } = logoFile(request.params.file);
    const logo = await bytesOf(logoId);
    if (logo === undefined) throw new AppError("not_found", "Logo not found.");
    reply.header("x-content-type-options", "nosniff");
    if (extension === "png") return reply.redirect(`/logos/${logoId}.webp`, 307);
    const how = { contentType: CONTENT_TYPE, cacheControl: CACHE.forever, sha256: logo.sha256 };
    await sendBytes({ request, reply }, logo.bytes, how);
    return reply;
  });
};

async function logoOf(request: FastifyRequest, codec: LogoCodec): Promise<Buffer> {
  const { files } = await multipartFields(request, { maxFiles: 1, maxBytes: MAX_LOGO_BYTES + FORM_BYTES });
  const file = files.get("logo");
  if (file === undefined) throw new AppError("invalid", "The form has no file named logo.");
  if (!file.type.startsWith("image/")) throw new AppError("invalid", "The logo's content type is not image/….");
  if (file.size > MAX_LOGO_BYTES) throw new AppError("too_large", `The logo is larger than ${MAX_LOGO_BYTES} bytes.`);
  return codec.toLogo(Buffer.from(await file.arrayBuffer()));
}

/** The bytes come first: a row without them would be a broken picture, bytes without a row are only unused. */
async function keepLogo({ db, store, now }: Deps, userId: string, bytes: Buffer): Promise<string> {
  const logoId = randomUUID();
  const key = logoKey({ userId, logoId });
  await store.put(key, bytes, { contentType: CONTENT_TYPE });
  if (await insertLogo(db, { logoId, userId, createdAt: now() })) return logoId;
  await store.delete(key);
  throw new AppError("conflict", `An account keeps at most ${LOGOS_PER_ACCOUNT} logos.`);
}

/** @throws AppError `not_found` for a name that no logo has */
function logoFile(name: string): { logoId: string; extension: string } {
  const [, logoId = "", extension = ""] = /^(.+)\.(webp|png)$/.exec(name) ?? [];
  if (!isUuid(logoId)) throw new AppError("not_found", "Logo not found.");
  return { logoId: logoId.toLowerCase(), extension };
}
