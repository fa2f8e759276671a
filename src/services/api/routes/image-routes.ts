import type { FastifyPluginAsyncTypebox } from "@fastify/type-provider-typebox";
import { Type } from "typebox";
import { deleteImage } from "../../../domain/images/image-deletion-repository.js";
import { findImage, findImageId, listImages } from "../../../domain/images/image-repository.js";
import { AppError } from "../../../kernel/errors.js";
import type { ApiDeps } from "../deps.js";
import { queryFlag } from "../miners/query-flag.js";
import { pageOf, pageParameters } from "../page-query.js";
import { accountOf } from "../principal.js";
import { restOfPath } from "../rest-of-path.js";
import { imageLogRoutes } from "./image-log-routes.js";
import { ImageObject, imageObject } from "./image-objects.js";

type Deps = Pick<ApiDeps, "config" | "db" | "store" | "now">;
type Plugin = FastifyPluginAsyncTypebox<Deps>;

const PAGE_CAP = 1000;
const Filter = Type.Optional(Type.String({ maxLength: 256 }));

const ListQuery = Type.Object({
  ...pageParameters({ lowest: 1, highest: PAGE_CAP }),
  include_public: Type.Optional(Type.String()),
  name: Filter,
  tag: Filter,
});

const ImagePage = Type.Object({
  total: Type.Integer(),
  page: Type.Integer(),
  limit: Type.Integer(),
  items: Type.Array(ImageObject),
  cord_refs: Type.Null(),
});

/** An image in a path is an id or a name, which may contain slashes. */
const ONE = "/images/*";
const ONE_AUTH = { auth: { purpose: "images", scopeParam: "*" } } as const;

/** Images that chutes run on. @see protocol 02 §3 */
export const imageRoutes: Plugin = async (app, deps) => {
  await app.register(readRoutes, deps);
  await app.register(changeRoutes, deps);
  await app.register(imageLogRoutes, deps);
};

/** @see protocol 02 §3.3, §3.4 */
const readRoutes: Plugin = async (app, { config, db }) => {
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

  app.get(ONE, { config: ONE_AUTH, schema: { response: { 200: ImageObject } } }, async (request) => {
    const image = await findImage(db, restOfPath(request), accountOf(request).userId);
    if (image === undefined) throw notFound();
    return imageObject(config, image);
  });
};

/** @see protocol 02 §3.2, §3.5 */
const changeRoutes: Plugin = async (app, { db, now }) => {
  app.post("/images/", { config: { auth: {} }, schema: { consumes: ["multipart/form-data"] } }, async () => {
    throw new AppError(
      "forbidden",
      "This platform builds no images. Push the image to the platform's registry and have its operator register it: chutes-validator image import NAME:TAG.",
    );
  });

  const Deleted = Type.Object({ image_id: Type.String(), deleted: Type.Literal(true) });
  app.delete(ONE, { config: ONE_AUTH, schema: { response: { 200: Deleted } } }, async (request) => {
    const { userId } = accountOf(request);
    const imageId = await findImageId(db, restOfPath(request), userId);
    if (imageId === undefined) throw notFound();
    const outcome = await deleteImage(db, { imageId, ownerId: userId, now: now() });
    if (outcome === "not found") throw notFound();
    if (outcome === "in use") throw new AppError("conflict", "Chutes run on this image; delete them first.");
    return { image_id: imageId, deleted: true as const };
  });
};

function notFound(): AppError {
  return new AppError("not_found", "Image not found.");
}
