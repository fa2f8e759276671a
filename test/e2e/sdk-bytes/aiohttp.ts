import { createHash } from "node:crypto";

/** One request as the SDK hands it to its HTTP library. */
export interface SdkRequest {
  readonly method: "GET" | "POST" | "DELETE";
  /** Path and query, spelled as Python spells them. */
  readonly target: string;
  /** The SDK's own headers, in its order and case. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body?: Buffer;
}

const DEFAULT_HEADERS = [
  ["Accept", "*/*"],
  ["Accept-Encoding", "gzip, deflate, br, zstd"],
  ["User-Agent", "Python/3.11 aiohttp/3.14.5"],
] as const;

/** The bytes on the wire: the host first, then the SDK's headers, then the library's own. */
export function requestBytes({ method, target, headers, body }: SdkRequest, host: string): Buffer {
  const named = new Set(headers.map(([name]) => name.toLowerCase()));
  const length = body?.length ?? (method === "GET" ? undefined : 0);
  const added = length === undefined || named.has("content-length") ? [] : [["Content-Length", String(length)]];
  const lines = [["Host", host], ...headers, ...DEFAULT_HEADERS, ...added].map(([name, value]) => `${name}: ${value}`);
  return Buffer.concat([
    Buffer.from(`${[`${method} ${target} HTTP/1.1`, ...lines].join("\r\n")}\r\n\r\n`),
    body ?? Buffer.alloc(0),
  ]);
}

/** JSON without blanks, text beyond ASCII as UTF-8: what the SDK signs and sends nearly everywhere. */
export function compactJson(value: unknown): Buffer {
  return Buffer.from(JSON.stringify(value));
}

/** JSON as Python's standard library writes it: blanks after `:` and `,`, everything beyond ASCII escaped. */
export function spacedJson(value: Readonly<Record<string, string>>): Buffer {
  const members = Object.entries(value).map(([name, text]) => `${asciiString(name)}: ${asciiString(text)}`);
  return Buffer.from(`{${members.join(", ")}}`);
}

function asciiString(text: string): string {
  return JSON.stringify(text).replace(
    /[\u0080-\uffff]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

export interface FilePart {
  readonly name: string;
  readonly filename: string;
  readonly contentType: string;
  readonly bytes: Buffer;
}

/** A multipart body with one file: the type of a part stands before its disposition; the boundary is 32 hex digits. */
export function multipartFile(part: FilePart): { readonly contentType: string; readonly body: Buffer } {
  const boundary = createHash("md5").update(part.bytes).digest("hex");
  const head = [
    `--${boundary}`,
    `Content-Type: ${part.contentType}`,
    `Content-Disposition: form-data; name="${part.name}"; filename="${part.filename}"`,
  ];
  return {
    contentType: `multipart/form-data; boundary=${boundary}`,
    body: Buffer.concat([
      Buffer.from(`${head.join("\r\n")}\r\n\r\n`),
      part.bytes,
      Buffer.from(`\r\n--${boundary}--\r\n`),
    ]),
  };
}

/** A query as the library builds it from Python values: booleans keep Python's spelling. */
export function pythonQuery(values: Readonly<Record<string, string | number | boolean>>): string {
  const pairs = Object.entries(values).map(([name, value]) => `${name}=${pythonText(value).replaceAll(" ", "+")}`);
  return `?${pairs.join("&")}`;
}

function pythonText(value: string | number | boolean): string {
  if (typeof value !== "boolean") return String(value);
  return value ? "True" : "False";
}
