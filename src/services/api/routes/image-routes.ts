import type { FastifyPluginAsyncTypebox } from "@fastify/type-provider-typebox";
import { Type } from "typebox";
import { findImage, listImages } from "../../../domain/images/image-repository.js";
import { AppError } from "../../../kernel/errors.js";
import type { ApiDeps } from "../deps.js";
import { queryFlag } from "../miners/query-flag.js";
import { pageOf, pageParameters } from "../page-query.js";
import { accountOf } from "../principal.js";
import { restOfPath } from "../rest-of-path.js";
import { ImageObject, imageObject } from "./image-objects.js";

type Deps = Pick<ApiDeps, "config" | "db">;

const PAGE_CAP = 1000;

const ListQuery = Type.Object({
  ...pageParameters({ lowest: 1, highest: PAGE_CAP }),
  include_public: Type.Optional(Type.String()),
  name: Type.Optional(Type.String()),
  tag: Type.Optional(Type.String()),
});

const ImagePage = Type.Object({
  total: Type.Integer(),
  page: Type.Integer(),
  limit: Type.Integer(),
  items: Type.Array(ImageObject),
  cord_refs: Type.Null(),
});

/** Images that chutes may be deployed on. @see protocol 02 §3.3, §3.4 */
export const imageRoutes: FastifyPluginAsyncTypebox<Deps> = async (app, { config, db }) => {
  app.get(
    "/images/",
    { config: { auth: { purpose: "images" } }, schema: { querystring: ListQuery, response: { 200: ImagePage } } },
    async (request) => {
      const { page, limit, offset } = pageOf(request.query, PAGE_CAP);
      const found = await listImages(db, {
        userId: accountOf(request).userId,
        includePublic: queryFlag(request.query, "include_public"),
        name: request.query.name ?? "",
        tag: request.query.tag ?? "",
        limit,
        offset,
      });
      const items = found.items.map((image) => imageObject(config, image));
      return { total: found.total, page, limit, items, cord_refs: null };
    },
  );

  app.get(
    "/images/*",
    {
      config: { auth: { purpose: "images", scopeParam: "*" } },
      schema: { response: { 200: ImageObject } },
    },
    async (request) => {
      const image = await findImage(db, restOfPath(request), accountOf(request).userId);
      if (image === undefined) throw new AppError("not_found", "Image not found.");
      return imageObject(config, image);
    },
  );
};
