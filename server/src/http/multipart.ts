import type { Readable } from "node:stream";
import { Dicer } from "@fastify/busboy";
import { parse as parseDisposition } from "content-disposition";
import { toError, WharfError } from "../errors.ts";
import { LIMITS } from "../limits.ts";
import { parseMediaType } from "../media-type.ts";
import { KIB } from "../units.ts";

/**
 * A form with one file (`multipart/form-data`, RFC 7578), read as it comes: the file is handed on piece by piece and
 * never gathered, fields may stand before or behind it, and everything has a limit (limits.form…). A part without a
 * name is refused: what it carries would be lost without a word. The parser knows of boundaries and headers alone: what
 * a part means is decided here, so that text is UTF-8 or refused, and a file keeps the type that it was sent with.
 */
export interface FormFile {
  /** As it was sent, paths too; null: it has none. */
  readonly filename: string | null;
  /** As it was sent, with its parameters; null: it has none. */
  readonly contentType: string | null;
  /** Throws when the form ends before the file does. */
  readonly content: AsyncIterable<Uint8Array>;
}

export interface FormOptions {
  /** The one field whose content is a file. Every other one is text. */
  readonly fileField: string;
  /**
   * Called once at most, while the form is read; it reads the content to its end. What it throws ends the form,
   * and passes through.
   */
  readonly takeFile: (file: FormFile) => Promise<void>;
}

/** In the order sent; a name may stand in it several times. */
export type FormFields = readonly (readonly [name: string, value: string])[];

/** Of a Content-Type. Throws `unsupported_content_type`, or `invalid_request` when it names none. */
export function boundaryOf(contentType: string | undefined): string {
  const type = contentType === undefined ? null : parseMediaType(contentType);
  if (type?.essence !== "multipart/form-data")
    throw new WharfError("unsupported_content_type", {
      message: "Send the body as Content-Type: multipart/form-data, with its boundary.",
    });
  const boundary = type.parameters.find(([name]) => name === "boundary")?.[1] ?? "";
  if (boundary.length >= 1 && boundary.length <= BOUNDARY_CHARS) return boundary;
  throw malformed(`Content-Type must name a boundary of 1 to ${BOUNDARY_CHARS} characters.`);
}

/** Of a form, in memory: one piece of a socket more at most. */
const UNREAD_BYTES = 64 * KIB;

/** RFC 2046 §5.1.1. */
const BOUNDARY_CHARS = 70;

/**
 * The form's text fields, when all of it was read. Throws WharfError for what is wrong with it, and what `body`
 * and `takeFile` throw.
 */
export async function readForm(
  boundary: string,
  body: AsyncIterable<Uint8Array>,
  options: FormOptions,
): Promise<FormFields> {
  const form = new Form(boundary, options);
  try {
    for await (const chunk of body) await form.write(chunk);
    return await form.end();
  } catch (error) {
    await form.giveUp(toError(error));
    throw error;
  }
}

/** One form that is being read. The first thing that goes wrong ends it. */
class Form {
  readonly #options: FormOptions;
  readonly #parser: Dicer;
  readonly #failed = Promise.withResolvers<never>();
  readonly #parsed = Promise.withResolvers<void>();
  readonly #streams: Readable[] = [];
  /** Never reject. */
  readonly #taken: Promise<void>[] = [];
  readonly #fields: (readonly [string, string])[] = [];
  #somethingRead = Promise.withResolvers<void>();
  #heads = 0;
  #hasFile = false;
  #isParsed = false;
  #fieldBytes = 0;

  constructor(boundary: string, options: FormOptions) {
    this.#options = options;
    const limits = {
      maxHeaderPairs: LIMITS.formPartHeaders,
      maxHeaderSize: LIMITS.formPartHeaderBytes,
      // We wait ourselves (write): the parser would for ever, after a part that ends while it is full.
      partHwm: Number.MAX_SAFE_INTEGER,
    };
    this.#parser = new Dicer({ boundary, ...limits });
    this.#failed.promise.catch(() => {});
    this.#parser.on("error", () => this.#failed.reject(malformed("The form ends before its last boundary.")));
    this.#parser.on("finish", () => {
      this.#refuseHeadless();
      this.#isParsed = true;
      this.#parsed.resolve();
    });
    this.#parser.on("part", (part) => {
      part.on("error", () => {});
      this.#refuseHeadless();
      this.#streams.push(part);
      if (this.#streams.length > LIMITS.formParts) return this.#failed.reject(tooManyParts());
      part.once("header", (header) => {
        this.#heads += 1;
        this.#taken.push(this.#take(part, new Map(Object.entries(header))).catch(this.#failed.reject));
      });
    });
  }

  /** Resolves when more may come: what nobody has read yet does not grow. */
  async write(chunk: Uint8Array): Promise<void> {
    // What stands behind the last boundary is nothing.
    if (this.#isParsed) return;
    const written = new Promise<void>((resolve) => this.#parser.write(chunk, () => resolve()));
    await Promise.race([this.#failed.promise, written]);
    while (this.#streams.reduce((sum, part) => sum + part.readableLength, 0) >= UNREAD_BYTES) {
      this.#somethingRead = Promise.withResolvers();
      await Promise.race([this.#failed.promise, this.#somethingRead.promise]);
    }
  }

  async end(): Promise<FormFields> {
    if (!this.#isParsed) this.#parser.end();
    await Promise.race([this.#failed.promise, this.#parsed.promise]);
    await Promise.race([this.#failed.promise, Promise.all(this.#taken)]);
    return this.#fields;
  }

  /** Nobody reads a part of it any more when this resolves. */
  async giveUp(error: Error): Promise<void> {
    for (const stream of this.#streams) stream.destroy(error);
    await Promise.all(this.#taken);
    this.#parser.destroy();
  }

  /** A part whose head has no end is over, and its content with it, when the next one begins or the form ends. */
  #refuseHeadless(): void {
    if (this.#heads < this.#streams.length) this.#failed.reject(nameless());
  }

  async #take(part: Readable, headers: PartHeaders): Promise<void> {
    const { name, filename } = dispositionOf(headers);
    refuseEncoded(name, headers);
    if (name !== this.#options.fileField) return this.#takeField(part, name);
    if (this.#hasFile) throw malformed(`The form has several files: send ${name} once.`, name);
    this.#hasFile = true;
    await this.#options.takeFile({
      filename,
      contentType: firstOf(headers, "content-type"),
      content: this.#read(part),
    });
  }

  /** The part's content; each piece makes room for what comes. */
  async *#read(part: Readable): AsyncGenerator<Uint8Array> {
    for await (const chunk of part) {
      this.#somethingRead.resolve();
      yield chunk;
    }
  }

  async #takeField(part: Readable, name: string): Promise<void> {
    const chunks: Uint8Array[] = [];
    for await (const chunk of this.#read(part)) {
      this.#fieldBytes += chunk.length;
      if (this.#fieldBytes > LIMITS.formFieldsBytes) throw tooLarge(name);
      chunks.push(chunk);
    }
    this.#fields.push([name, utf8(Buffer.concat(chunks), name)]);
  }
}

type PartHeaders = ReadonlyMap<string, unknown>;

/** Its bytes, each as one character. */
function firstOf(headers: PartHeaders, name: string): string | null {
  const values = headers.get(name);
  const first: unknown = Array.isArray(values) ? values[0] : undefined;
  return typeof first === "string" ? first : null;
}

/** Throws `invalid_request` for a part that does not name its field (RFC 7578 §4.2). */
function dispositionOf(headers: PartHeaders): { readonly name: string; readonly filename: string | null } {
  const header = firstOf(headers, "content-disposition") ?? "";
  const { type, parameters } = parseDisposition(header);
  const { name, filename } = parameters;
  if (type !== "form-data" || name === undefined || name === "") throw nameless();
  // `filename*` names its own character set, and is read by it.
  const isDecoded = /filename\*=/i.test(header);
  const text = (bytes: string) => (isDecoded ? bytes : utf8(Buffer.from(bytes, "latin1"), "filename"));
  return { name: utf8(Buffer.from(name, "latin1"), "name"), filename: filename === undefined ? null : text(filename) };
}

/** What is encoded once more (RFC 7578 §4.7 has given that up) would be kept as it came. */
function refuseEncoded(name: string, headers: PartHeaders): void {
  const encoding = firstOf(headers, "content-transfer-encoding")?.trim().toLowerCase() ?? "binary";
  if (PLAIN.has(encoding)) return;
  throw malformed(`Send ${name} as it is, without Content-Transfer-Encoding.`, name);
}

const PLAIN: ReadonlySet<string> = new Set(["7bit", "8bit", "binary", ""]);

/** Never U+FFFD in place of what was sent. */
function utf8(bytes: Uint8Array, field: string): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    const message = `${field} is not valid UTF-8.`;
    if (field === "filename") throw new WharfError("invalid_filename", { message, details: { field }, cause });
    throw malformed(message, field);
  }
}

function malformed(message: string, field?: string): WharfError {
  return new WharfError("invalid_request", { message, details: field === undefined ? {} : { field } });
}

function nameless(): WharfError {
  return malformed('Every part of a form must name its field: Content-Disposition: form-data; name="title".');
}

function tooManyParts(): WharfError {
  return malformed(`A form may have at most ${LIMITS.formParts} parts; send fewer fields.`);
}

function tooLarge(field: string): WharfError {
  return new WharfError("request_too_large", {
    message: `The fields of a form may have at most ${LIMITS.formFieldsBytes} bytes together, its file not counted.`,
    details: { field, max_bytes: LIMITS.formFieldsBytes },
  });
}
