import { Readable as NodeReadable, type Readable } from "node:stream";
import type { S3Client, S3ClientConfig } from "@aws-sdk/client-s3";
import { AppError } from "../../kernel/errors.js";
import { checkKey, checkPrefix, checkRange } from "./key.js";
import { answerOf, isStatus } from "./s3-errors.js";
import { partsOf, uploadParts } from "./s3-upload.js";
import type { ByteRange, ListOptions, ObjectInfo, ObjectStore, ObjectSummary, PutOptions } from "./store.js";

export interface S3Settings {
  readonly bucket: string;
  /** Put before every key: empty, or ending in a slash. */
  readonly prefix: string;
  /** Empty for AWS. */
  readonly endpoint: string;
  readonly region: string;
  /** Empty: the SDK's own chain (environment, web identity, instance role). */
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

type Sdk = typeof import("@aws-sdk/client-s3");

/** S3 answers at most this many keys at once. */
const LIST_PAGE = 1000;

/** Opens a bucket; nothing is sent until the first call. The SDK is loaded here, it is not needed with files. */
export async function openS3Store(settings: S3Settings): Promise<ObjectStore> {
  const sdk = await import("@aws-sdk/client-s3");
  return new S3Store(sdk, new sdk.S3Client(clientConfig(settings)), settings);
}

function clientConfig({ endpoint, region, accessKeyId, secretAccessKey }: S3Settings): S3ClientConfig {
  return {
    region,
    maxAttempts: 3,
    forcePathStyle: true,
    // Many stores that are not AWS reject the checksum trailers the SDK sends by default.
    requestChecksumCalculation: "WHEN_REQUIRED",
    responseChecksumValidation: "WHEN_REQUIRED",
    requestHandler: { connectionTimeout: 5000, socketTimeout: 60_000 },
    ...(endpoint === "" ? {} : { endpoint }),
    ...(accessKeyId === "" ? {} : { credentials: { accessKeyId, secretAccessKey } }),
  };
}

class S3Store implements ObjectStore {
  readonly #sdk: Sdk;
  readonly #client: S3Client;
  readonly #settings: S3Settings;

  constructor(sdk: Sdk, client: S3Client, settings: S3Settings) {
    this.#sdk = sdk;
    this.#client = client;
    this.#settings = settings;
  }

  async put(key: string, body: Readable | Uint8Array, options: PutOptions): Promise<ObjectInfo> {
    const where = this.#where(key);
    // Not every store knows the condition, and those that do not ignore it: the look before is for them.
    if (options.ifAbsent === true && (await this.head(key)) !== undefined) throw alreadyThere(key);
    const parts = partsOf(body instanceof Uint8Array ? NodeReadable.from([body]) : body);
    const upload = { sdk: this.#sdk, client: this.#client, where, ...options };
    const stored = await answerOf(key, () => uploadParts(upload, parts));
    if (stored === "exists") throw alreadyThere(key);
    if (stored === undefined) throw new AppError("unavailable", `the object store lost the upload of ${key}`);
    const info = await this.head(key);
    if (info === undefined) throw new AppError("conflict", `${key} was deleted while it was written`);
    return info;
  }

  async get(key: string, range?: ByteRange): Promise<{ info: ObjectInfo; body: Readable } | undefined> {
    const Range = range === undefined ? undefined : `bytes=${range.start}-${range.end ?? ""}`;
    if (range !== undefined) checkRange(range, { key, sizeBytes: Number.POSITIVE_INFINITY });
    const command = new this.#sdk.GetObjectCommand({ ...this.#where(key), Range });
    const answer = await answerOf(key, async () => {
      try {
        return await this.#client.send(command);
      } catch (error) {
        if (isStatus(error, 416)) throw new AppError("invalid", `the range starts behind the last byte of ${key}`);
        throw error;
      }
    });
    if (answer === undefined) return undefined;
    const total = answer.ContentRange?.split("/")[1] ?? answer.ContentLength;
    return { info: infoOf(key, answer, Number(total)), body: answer.Body as Readable };
  }

  async head(key: string): Promise<ObjectInfo | undefined> {
    const command = new this.#sdk.HeadObjectCommand(this.#where(key));
    const answer = await answerOf(key, () => this.#client.send(command));
    return answer === undefined ? undefined : infoOf(key, answer, answer.ContentLength ?? 0);
  }

  async copy(from: string, to: string): Promise<void> {
    const source = this.#where(from);
    const CopySource = [source.Bucket, ...source.Key.split("/")].map(encodeURIComponent).join("/");
    const command = new this.#sdk.CopyObjectCommand({ ...this.#where(to), CopySource });
    const answer = await answerOf(from, () => this.#client.send(command));
    if (answer === undefined) throw new AppError("not_found", `no object ${from}`);
  }

  async delete(key: string): Promise<void> {
    const command = new this.#sdk.DeleteObjectCommand(this.#where(key));
    await answerOf(key, () => this.#client.send(command));
  }

  async list(prefix: string, { after, limit }: ListOptions): Promise<ObjectSummary[]> {
    checkPrefix(prefix);
    const listed: ObjectSummary[] = [];
    for (let last = after, isMore = true; isMore && listed.length < limit; last = listed.at(-1)?.key) {
      const page = await this.#page(prefix, last, Math.min(limit - listed.length, LIST_PAGE));
      listed.push(...page.objects);
      isMore = page.isMore && page.objects.length > 0;
    }
    return listed;
  }

  async #page(prefix: string, after: string | undefined, MaxKeys: number) {
    const root = this.#settings.prefix;
    const StartAfter = after === undefined ? undefined : root + after;
    const request = { Bucket: this.#settings.bucket, Prefix: root + prefix, StartAfter, MaxKeys };
    const answer = await answerOf(prefix, () => this.#client.send(new this.#sdk.ListObjectsV2Command(request)));
    const objects = (answer?.Contents ?? []).map(({ Key = "", Size = 0, LastModified = new Date(0) }) => ({
      key: Key.slice(root.length),
      sizeBytes: Size,
      modifiedAt: LastModified,
    }));
    return { objects, isMore: answer?.IsTruncated === true };
  }

  #where(key: string): { Bucket: string; Key: string } {
    checkKey(key);
    return { Bucket: this.#settings.bucket, Key: this.#settings.prefix + key };
  }
}

interface Described {
  readonly ContentType?: string | undefined;
  readonly LastModified?: Date | undefined;
}

function infoOf(key: string, answer: Described, sizeBytes: number): ObjectInfo {
  const { ContentType = "application/octet-stream", LastModified = new Date(0) } = answer;
  return { key, sizeBytes, contentType: ContentType, modifiedAt: LastModified };
}

function alreadyThere(key: string): AppError {
  return new AppError("conflict", `the object ${key} already exists`);
}
