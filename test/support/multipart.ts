/** One part of a form; with a file name it is a file. */
export interface FormPart {
  readonly name: string;
  readonly filename?: string;
  readonly type?: string;
  readonly content: string | Buffer;
}

const BOUNDARY = "0123456789abcdef0123456789abcdef";

/** Type of `multipartBody`. */
export const MULTIPART_TYPE = `multipart/form-data; boundary=${BOUNDARY}`;

/** A form as the SDK's HTTP library writes it: the part's type comes before its disposition. */
export function multipartBody(parts: readonly FormPart[]): Buffer {
  const chunks = parts.flatMap(({ name, filename, type, content }) => {
    const file = filename === undefined ? "" : `; filename="${filename}"`;
    const head = `Content-Type: ${type ?? "text/plain; charset=utf-8"}\r\nContent-Disposition: form-data; name="${name}"${file}\r\n\r\n`;
    return [Buffer.from(`--${BOUNDARY}\r\n${head}`), Buffer.from(content), Buffer.from("\r\n")];
  });
  return Buffer.concat([...chunks, Buffer.from(`--${BOUNDARY}--\r\n`)]);
}
