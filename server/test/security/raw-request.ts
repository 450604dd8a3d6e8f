import type { Random } from "../support/random.ts";
import { chance, oneOf } from "./world.ts";

/** Bytes for a socket, and what the client does when they are sent. */
export interface RawRequest {
  readonly bytes: Buffer;
  readonly ending: "half-close" | "reset";
}

/** What the bytes are made of: whole requests, in the order in which a client would send them. */
export interface RawSeeds {
  readonly requests: readonly string[];
}

/** Pieces that parsers have stumbled over. */
const PIECES: readonly string[] = [
  "\r\n",
  "\n",
  "\r",
  " ",
  "\t",
  "\0",
  "\x7f",
  "\xff",
  "%",
  "%00",
  "..",
  "//",
  ";",
  ":",
  ": ",
  ",",
  '"',
  "0",
  "-1",
  "+",
  "99999999999999999999",
  "0x10",
  "chunked",
  "identity",
  "Transfer-Encoding: chunked\r\n",
  "Transfer-Encoding : chunked\r\n",
  "Content-Length: 0\r\n",
  "Content-Length: 5\r\n",
  "Content-Length: 5, 5\r\n",
  "Host: b\r\n",
  "Expect: 100-continue\r\n",
  "Connection: close\r\n",
  "Connection: upgrade\r\nUpgrade: websocket\r\n",
  "Content-Range: bytes 0-4/5\r\n",
  "Authorization: Bearer sk_x\r\n",
  " HTTP/1.0",
  " HTTP/1.1\r\n",
  "HTTP/2.0",
  "5\r\nabcde\r\n",
  "0\r\n\r\n",
  "0;ext=1\r\n",
  "ffffffffffffffff\r\n",
];

const MOST_CHANGES = 6;
const MOST_REPEATED = 300;
/** Some are larger than any head may be. */
const HUGE_BYTES = 20_000;

export class RawMaker {
  readonly #seeds: RawSeeds;

  constructor(seeds: RawSeeds) {
    this.#seeds = seeds;
  }

  make(random: Random): RawRequest {
    const { requests } = this.#seeds;
    const pipelined = chance(random, 0.15) ? random.integer(2, 12) : 1;
    const texts = Array.from({ length: pipelined }, () => oneOf(random, requests) ?? "");
    let bytes = chance(random, 0.02) ? random.bytes(random.integer(1, 2000)) : Buffer.from(texts.join(""), "latin1");
    if (chance(random, 0.97))
      for (let changes = random.integer(1, MOST_CHANGES); changes > 0; changes--) bytes = this.#changed(random, bytes);
    return { bytes, ending: chance(random, 0.8) ? "half-close" : "reset" };
  }

  #changed(random: Random, bytes: Buffer): Buffer {
    const at = random.integer(0, bytes.length);
    const [before, after] = [bytes.subarray(0, at), bytes.subarray(at)];
    const insert = (piece: Buffer) => Buffer.concat([before, piece, after]);
    switch (random.integer(0, 9)) {
      case 0:
      case 1:
        return Buffer.concat([before, random.bytes(1), after.subarray(1)]);
      case 2:
        return Buffer.concat([before, after.subarray(random.integer(1, 20))]);
      case 3:
      case 4:
      case 5:
        return insert(Buffer.from(oneOf(random, PIECES) ?? "", "latin1"));
      case 6: {
        const from = random.integer(0, bytes.length);
        return insert(bytes.subarray(from, from + random.integer(1, 80)));
      }
      case 7:
        return insert(Buffer.alloc(random.integer(1, MOST_REPEATED), random.bytes(1)));
      case 8:
        return chance(random, 0.1) ? insert(Buffer.alloc(HUGE_BYTES, "a")) : insert(repeatedHeader(random, bytes));
      default:
        return bytes.subarray(0, at);
    }
  }
}

/** A line that is there already, again and again. */
function repeatedHeader(random: Random, bytes: Buffer): Buffer {
  const lines = bytes.toString("latin1").split("\r\n");
  const line = `${oneOf(random, lines) ?? ""}\r\n`;
  return Buffer.from(line.repeat(random.integer(1, 40)), "latin1");
}
