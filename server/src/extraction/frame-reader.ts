import { StringDecoder } from "node:string_decoder";
import {
  type ChildMessage,
  decodeHead,
  decodeMessage,
  FRAME_HEAD_BYTES,
  type Frame,
  ProtocolError,
} from "./protocol.ts";

/**
 * Frames out of the pieces in which a reader's output comes. A page may have 32 MB: its text is decoded as it comes, so
 * that it is never here twice and never holds the event loop for all of it.
 */
export class FrameReader {
  #part: "head" | "meta" | "text" = "head";
  /** Bytes that the part still lacks. */
  #missing = FRAME_HEAD_BYTES;
  /** Of head and meta: what came of it in earlier pieces. */
  #pieces: Buffer[] = [];
  #textBytes = 0;
  #message: ChildMessage | null = null;
  #text = "";
  #decoder = new StringDecoder("utf8");

  /** Whether nothing has come of a next frame. */
  get isBetweenFrames(): boolean {
    return this.#part === "head" && this.#missing === FRAME_HEAD_BYTES;
  }

  /** The frames that are whole with this piece, to be taken to their end. Throws ProtocolError. */
  *take(piece: Buffer): Generator<Frame> {
    let at = 0;
    // A part of no bytes is whole at once.
    while (at < piece.length || this.#missing === 0) {
      const end = Math.min(at + this.#missing, piece.length);
      const bytes = piece.subarray(at, end);
      this.#missing -= bytes.length;
      at = end;
      const frame = this.#add(bytes);
      if (frame !== null) yield frame;
    }
  }

  #add(bytes: Buffer): Frame | null {
    if (this.#part === "text") return this.#addText(bytes);
    if (this.#missing > 0) {
      this.#pieces.push(bytes);
      return null;
    }
    const whole = this.#pieces.length === 0 ? bytes : Buffer.concat([...this.#pieces, bytes]);
    this.#pieces = [];
    if (this.#part === "head") {
      const { metaBytes, textBytes } = decodeHead(whole);
      this.#textBytes = textBytes;
      this.#expect("meta", metaBytes);
      return null;
    }
    this.#message = decodeMessage(whole);
    if (this.#textBytes === 0) return this.#whole("");
    if (this.#message.kind !== "page") throw new ProtocolError("text beside what is no page");
    this.#expect("text", this.#textBytes);
    return null;
  }

  #addText(bytes: Buffer): Frame | null {
    // Most texts come in one piece.
    if (bytes.length === this.#textBytes) return this.#whole(bytes.toString("utf8"));
    this.#text += this.#decoder.write(bytes);
    return this.#missing > 0 ? null : this.#whole(this.#text + this.#decoder.end());
  }

  #whole(text: string): Frame | null {
    const message = this.#message;
    this.#message = null;
    this.#text = "";
    this.#expect("head", FRAME_HEAD_BYTES);
    return message === null ? null : { message, text };
  }

  #expect(part: "head" | "meta" | "text", bytes: number): void {
    this.#part = part;
    this.#missing = bytes;
  }
}
