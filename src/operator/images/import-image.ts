import { accountByUsername } from "../../domain/accounts/account-repository.js";
import { imageNameProblem } from "../../domain/images/image.js";
import { imageById, registerBuiltImage } from "../../domain/images/image-repository.js";
import { enqueue } from "../../domain/outbox/outbox-repository.js";
import type { Db } from "../../infra/postgres/client.js";
import type { Context } from "../../kernel/context.js";
import { AppError } from "../../kernel/errors.js";
import { imageCreated } from "../../wire/events.js";
import { imageIdOf } from "../../wire/ids.js";
import { compareVersions } from "../../wire/versions.js";
import { chutesVersionOf } from "./chutes-version.js";
import { namedImage, shortTag } from "./named-image.js";
import { type OpenedRegistry, openConfiguredRegistry } from "./open-registry.js";
import { withDatabase } from "./with-database.js";

export interface ImportRequest {
  /** `[USERNAME/]NAME:TAG`. */
  readonly image: string;
  readonly owner: string | undefined;
  readonly public: boolean;
  readonly chutesVersion: string | undefined;
  readonly readme: string | undefined;
  readonly dryRun: boolean;
}

/** What an import did, or under `dry_run` would do. */
export interface ImportReport {
  readonly image_id: string;
  readonly image: string;
  readonly registry: string;
  readonly digest: string;
  readonly size_bytes: number;
  readonly public: boolean;
  readonly chutes_version: string;
  /** False when the platform asks for a newer SDK than the image holds. */
  readonly deployable: boolean;
  /** `renewed`: the platform knew this image already. */
  readonly outcome: "registered" | "renewed";
  readonly dry_run: boolean;
}

/**
 * Registers an image that the registry holds, so that chutes can be deployed on it. The image itself stays where it is.
 * @throws AppError `not_found` for an unknown owner; what `imageNameProblem`, the registry and its document find wrong
 * @see protocol 02 §5.7
 */
export async function importImage(ctx: Context, request: ImportRequest): Promise<ImportReport> {
  const registry = openConfiguredRegistry(ctx);
  try {
    return await withDatabase(ctx, (db) => importFrom(ctx, { db, registry }, request));
  } finally {
    await registry.close();
  }
}

async function importFrom(
  { config, now }: Context,
  { db, registry }: { readonly db: Db; readonly registry: OpenedRegistry },
  request: ImportRequest,
): Promise<ImportReport> {
  const wanted = namedImage(request.image, { owner: request.owner, defaultOwner: config.platformUsername });
  const problem = imageNameProblem(wanted);
  if (problem !== undefined) throw new AppError("unprocessable", problem);
  const owner = await accountByUsername(db, wanted.username);
  if (owner === undefined)
    throw new AppError("not_found", `there is no account ${wanted.username}`, {
      fix: "register it, or name another --owner",
    });
  const image = { ...wanted, username: owner.username };
  const [repository = "", tag = ""] = shortTag(image).split(":");
  const found = await registry.image(repository, tag);
  const chutesVersion = chutesVersionOf(found.config, request.chutesVersion);
  const known = await imageById(db, imageIdOf(image));
  if (!request.dryRun)
    await register(db, { ...image, owner, request, chutesVersion, isNew: known === undefined, now: now() });
  return {
    image_id: imageIdOf(image),
    image: shortTag(image),
    registry: registry.url,
    digest: found.digest,
    size_bytes: found.sizeBytes,
    public: request.public,
    chutes_version: chutesVersion,
    deployable: compareVersions(chutesVersion, config.deploy.minSdkVersion) >= 0,
    outcome: known === undefined ? "registered" : "renewed",
    dry_run: request.dryRun,
  };
}

interface Registration {
  readonly owner: { readonly userId: string; readonly username: string };
  readonly name: string;
  readonly tag: string;
  readonly request: ImportRequest;
  readonly chutesVersion: string;
  readonly isNew: boolean;
  readonly now: Date;
}

/** Miners hear of a new image when the row is there, not before. */
async function register(db: Db, image: Registration): Promise<void> {
  const { owner, name, tag, chutesVersion, request, now } = image;
  const { readme } = request;
  const row = { owner, name, tag, public: request.public, chutesVersion, now, ...(readme !== undefined && { readme }) };
  await db.transaction().execute(async (tx) => {
    const imageId = await registerBuiltImage(tx, row);
    if (!image.isNew) return;
    const events = imageCreated(imageId);
    await enqueue(
      tx,
      events.map(({ channel, payload }) => ({ channel, payload: { ...payload } })),
      now,
    );
  });
}
