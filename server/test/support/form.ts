import { randomUUID } from "node:crypto";
import type { OutgoingHttpHeaders } from "node:http";
import { type Api, FILES } from "./api.ts";
import { type HttpAnswer, http } from "./http.ts";

/** One part of a form, as it goes out. A string is a text field. */
export interface FormPart {
  readonly name: string;
  readonly value: string | Uint8Array;
  /** Given for a file. */
  readonly filename?: string;
  readonly type?: string;
  /** In place of all headers that follow from the rest. */
  readonly head?: string;
}

export interface Form {
  readonly body: Buffer;
  readonly headers: OutgoingHttpHeaders;
}

/** `multipart/form-data` by hand: for orders, headers and endings that no client library sends. */
export function formOf(parts: readonly FormPart[], boundary = `--------${randomUUID()}`): Form {
  const body = Buffer.concat([
    ...parts.flatMap((part) => [
      Buffer.from(`--${boundary}\r\n${part.head ?? headOf(part)}\r\n\r\n`),
      Buffer.from(part.value),
      Buffer.from("\r\n"),
    ]),
    Buffer.from(`--${boundary}--\r\n`),
  ]);
  return { body, headers: { "Content-Type": `multipart/form-data; boundary=${boundary}` } };
}

function headOf({ name, filename, type }: FormPart): string {
  const named = filename === undefined ? "" : `; filename="${filename}"`;
  return [
    `Content-Disposition: form-data; name="${name}"${named}`,
    ...(type === undefined ? [] : [`Content-Type: ${type}`]),
  ].join("\r\n");
}

export function fileOf(value: string | Uint8Array, filename = "note.txt", type = "text/plain"): FormPart {
  return { name: "file", value, filename, type };
}

/** Into this file's bucket, which is made. */
export function inBucketOf(api: Api): readonly FormPart[] {
  return [
    { name: "bucket", value: api.bucket },
    { name: "create_missing_buckets", value: "true" },
  ];
}

export function sendForm(api: Api, form: Form, headers: OutgoingHttpHeaders = {}): Promise<HttpAnswer> {
  return http(`${api.base}${FILES}`, {
    method: "POST",
    headers: { Authorization: `Bearer ${api.key}`, ...form.headers, ...headers },
    body: form.body,
  });
}
