import type { FileWarningCode } from "../errors.ts";
import { LIMITS } from "../limits.ts";
import { FAULT_FINDINGS, type Finding, type ReaderFaultCode, WARNING_FINDINGS } from "./findings.ts";

/**
 * What server and child say to each other, over the child's stdin and stdout.
 *
 * A **frame** is two 32-bit little-endian lengths, then that much JSON, then that much UTF-8 text. Text travels
 * beside the JSON because `JSON.parse` of a 25 MB page would hold the server's event loop five times as long as
 * decoding it does.
 *
 * Server → child: one `DocumentHeader` frame, then exactly `sizeBytes` raw bytes. Child → server: `ready` once;
 * then for each document `type`, (`page`, `chunks`…)…, `progress` in between, perhaps `warnings` or `fault`, and
 * always `done`.
 */
export interface DocumentHeader {
  readonly filename: string;
  readonly title: string;
  readonly declaredType: string;
  readonly sizeBytes: number;
  /**
   * Each page is sent when it is read, so that the server knows on which one a reader ended; otherwise some together.
   */
  readonly pageByPage: boolean;
}

/** Start and end in the page's text, and the tokens. The text itself has gone before, with its page. */
export type ChunkRange = readonly [charStart: number, charEnd: number, tokens: string];

/** `finding` is one of WARNING_FINDINGS, or anything. */
export interface SaidWarning {
  readonly code: FileWarningCode;
  readonly finding: string;
  readonly pages: readonly number[];
}

export type ChildMessage =
  | { readonly kind: "ready" }
  | { readonly kind: "type"; readonly detected: string; readonly titleTokens: string }
  /** The page's text is the frame's text. */
  | { readonly kind: "page"; readonly page: number; readonly label: string | null }
  /** Of the page sent last. */
  | { readonly kind: "chunks"; readonly ranges: readonly ChunkRange[] }
  | { readonly kind: "progress"; readonly done: number; readonly total: number | null }
  /** Of the whole document, behind its last page; at most once. */
  | { readonly kind: "warnings"; readonly warnings: readonly SaidWarning[] }
  | { readonly kind: "fault"; readonly code: ReaderFaultCode; readonly finding: Finding | null }
  /** `again`: the child takes another document; otherwise it is about to end. */
  | { readonly kind: "done"; readonly again: boolean };

export interface Frame {
  readonly message: ChildMessage;
  readonly text: string;
}

export const FRAME_HEAD_BYTES = 8;
/** Tokens of as many chunks go together as make this many characters, or one chunk more. */
export const TOKEN_CHARS_TOGETHER: number = 64 * 1024;
/**
 * Some chunks and their tokens: two thirds of it, when each is a letter of three bytes that is spelled out in twenty.
 * `JSON.parse` of it holds the server's event loop for 2 ms.
 */
const META_MAX_BYTES = 512 * 1024;
/** limits.extractedChars in the longest UTF-8. */
const TEXT_MAX_BYTES = 3 * 32 * 1024 * 1024;

export class ProtocolError extends Error {
  override readonly name = "ProtocolError";
}

export function encodeFrame(meta: ChildMessage | DocumentHeader, text = ""): Buffer {
  const json = Buffer.from(JSON.stringify(meta), "utf8");
  const textBytes = Buffer.byteLength(text, "utf8");
  const frame = Buffer.allocUnsafe(FRAME_HEAD_BYTES + json.length + textBytes);
  frame.writeUInt32LE(json.length, 0);
  frame.writeUInt32LE(textBytes, 4);
  json.copy(frame, FRAME_HEAD_BYTES);
  frame.write(text, FRAME_HEAD_BYTES + json.length, "utf8");
  return frame;
}

/** Both lengths, checked: a child taken over by a hostile file must not make the server reserve gigabytes. */
export function decodeHead(head: Buffer): { readonly metaBytes: number; readonly textBytes: number } {
  const metaBytes = head.readUInt32LE(0);
  const textBytes = head.readUInt32LE(4);
  if (metaBytes > META_MAX_BYTES || textBytes > TEXT_MAX_BYTES) throw new ProtocolError("a frame is too long");
  return { metaBytes, textBytes };
}

export function decodeHeader(meta: Buffer): DocumentHeader {
  const value: unknown = JSON.parse(meta.toString("utf8"));
  if (
    isObject(value) &&
    typeof value["filename"] === "string" &&
    typeof value["title"] === "string" &&
    typeof value["declaredType"] === "string" &&
    isCount(value["sizeBytes"]) &&
    typeof value["pageByPage"] === "boolean"
  ) {
    const { filename, title, declaredType, sizeBytes, pageByPage } = value;
    return { filename, title, declaredType, sizeBytes, pageByPage };
  }
  throw new ProtocolError("not a document header");
}

/** The message, parsed and not merely believed: it comes out of a process that has read a stranger's file. */
export function decodeMessage(meta: Buffer): ChildMessage {
  const value = parsed(meta);
  const message = isObject(value) ? messageOf(value) : null;
  if (message === null) throw new ProtocolError("not a message of the protocol");
  return message;
}

function parsed(meta: Buffer): unknown {
  try {
    return JSON.parse(meta.toString("utf8"));
  } catch {
    throw new ProtocolError("not JSON");
  }
}

function messageOf(value: Readonly<Record<string, unknown>>): ChildMessage | null {
  const { kind, detected, titleTokens, page, label, ranges, done, total, warnings, code, finding, again } = value;
  switch (kind) {
    case "ready":
      return { kind };
    case "type":
      return typeof detected === "string" && typeof titleTokens === "string" ? { kind, detected, titleTokens } : null;
    case "page":
      return isCount(page) && (label === null || typeof label === "string") ? { kind, page, label } : null;
    case "chunks":
      return Array.isArray(ranges) && ranges.every(isRange) ? { kind, ranges } : null;
    case "progress":
      return isCount(done) && (total === null || isCount(total)) ? { kind, done, total } : null;
    case "warnings":
      return isWarnings(warnings) ? { kind, warnings } : null;
    case "fault":
      return isFaultCode(code) && (finding === null || isFinding(finding)) ? { kind, code, finding } : null;
    case "done":
      return typeof again === "boolean" ? { kind, again } : null;
    default:
      return null;
  }
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isCount(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}

function isRange(value: unknown): value is ChunkRange {
  return Array.isArray(value) && isCount(value[0]) && isCount(value[1]) && typeof value[2] === "string";
}

/** Codes and numbers are the contract's, or it is no message. */
function isWarnings(value: unknown): value is readonly SaidWarning[] {
  return Array.isArray(value) && value.length <= LIMITS.warnings && value.every(isWarning);
}

function isWarning(value: unknown): value is SaidWarning {
  if (!isObject(value)) return false;
  const { code, finding, pages, ...more } = value;
  return (
    isWarningCode(code) &&
    typeof finding === "string" &&
    Array.isArray(pages) &&
    pages.length <= LIMITS.warningPages &&
    pages.every(isCount) &&
    Object.keys(more).length === 0
  );
}

function isWarningCode(value: unknown): value is FileWarningCode {
  return typeof value === "string" && Object.hasOwn(WARNING_FINDINGS, value);
}

function isFinding(value: unknown): value is Finding {
  if (!isObject(value)) return false;
  const { id, name, ...more } = value;
  return typeof id === "string" && (name === undefined || typeof name === "string") && Object.keys(more).length === 0;
}

function isFaultCode(value: unknown): value is ReaderFaultCode {
  return typeof value === "string" && Object.hasOwn(FAULT_FINDINGS, value);
}
