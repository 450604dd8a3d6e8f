import { KIB, MIB } from "../units.ts";

/** How much an agent may send and is told (docs/mcp.md). All others are those of the routes that a tool calls. */
export const MCP_LIMITS = {
  /** Of one POST to /mcp (ALL-9); more is 413 request_too_large. */
  bodyBytes: MIB,
  /**
   * What one call answers, as UTF-8. A tokenizer that works on bytes makes at most one token of each, so an answer is
   * less than 8 000 tokens in every language and for every text; some 2 000 in English.
   */
  answerBytes: 7_900,
  /** One title, name or description within an answer, in bytes as JSON. */
  labelBytes: 120,
  /** `content_base64` of upload_file, decoded. In base64 that is 700 kB of the body. */
  uploadBytes: 512 * KIB,
  /** An argument that becomes a part of a URL, whose head has 16 KiB; what the API gives out for it is shorter. */
  urlPartChars: 500,
  passages: 10,
  passagesDefault: 5,
  /** Files or buckets of one page of a list: so many fit, whatever they are called. */
  listItems: 20,
  /** Of file_status. Clients of MCP give a call up after 60 s. */
  waitSeconds: 30,
  /**
   * What one answer of the API may have, before it is made small: 20 files with all their metadata are 0.3 MB, 20
   * buckets 2.5 MB.
   */
  apiAnswerBytes: 8 * MIB,
  /** Where in an answer the text of a page begins: behind its label. */
  pageHeadBytes: 64 * KIB,
} as const;
