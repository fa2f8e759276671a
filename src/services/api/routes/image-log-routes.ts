import { Readable } from "node:stream";
import type { FastifyPluginAsyncTypebox } from "@fastify/type-provider-typebox";
import { Type } from "typebox";
import { findImage } from "../../../domain/images/image-repository.js";
import { AppError } from "../../../kernel/errors.js";
import type { ApiDeps } from "../deps.js";

const LogParams = Type.Object({ image_id: Type.String() });
/** Place in a running build; a finished log is always sent whole. */
const LogQuery = Type.Object({ offset: Type.Optional(Type.String({ pattern: "^\\d+(-\\d+)?$" })) });

const Log = Type.Unsafe<Readable>({ type: "string", description: "lines of the build" });

/** How an image was built. One that was registered ready-made has no log: its status stands in for it. @see protocol 02 §3.6 */
export const imageLogRoutes: FastifyPluginAsyncTypebox<Pick<ApiDeps, "db" | "store">> = async (app, { db, store }) => {
  app.get(
    "/images/:image_id/logs",
    {
      config: { auth: { purpose: "images", anonymous: true, scopeParam: "image_id" } },
      schema: { params: LogParams, querystring: LogQuery, response: { 200: Log } },
    },
    async (request, reply) => {
      const image = await findImage(db, request.params.image_id, request.principal.account?.userId ?? "");
      if (image === undefined) throw new AppError("not_found", "Image not found.");
      const stored = await store.get(`forge/${image.owner.userId}/${image.imageId}.log`);
      return reply
        .type("text/plain; charset=utf-8")
        .header("content-disposition", `inline; filename="${image.imageId}.log"`)
        .send(stored?.body ?? Readable.from([`${image.status}\n`]));
    },
  );
};
