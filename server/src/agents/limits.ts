import { DAY, KIB, MIB, MINUTE, SECOND } from "../units.ts";

/** How long, how large and how many: what questions and answers may be (contract §16). All others are in limits.ts. */
export const AGENT_LIMITS = {
  bodyBytes: MIB,
  metadataBytes: 64 * KIB,
  /** Messages or parts of one request. */
  inputItems: 1_000,
  /** Of a question: what is longer is a document, and is uploaded. */
  questionChars: 32_000,
  instructionsChars: 32_000,
  profileInstructionsChars: 4_000,
  profileNameChars: 255,
  profilesPerTeam: 100,
  /** Buckets that all models of a list show together, some 3 MB; those that a profile names are not counted. */
  modelBuckets: 20_000,
  conversationIdChars: 255,
  /** Earlier turns that a chat server is given: the newest, at most so many and so long. */
  conversationTurns: 10,
  conversationChars: 16_000,
  /** How long a response is kept (`store`), with its conversation. */
  keepMs: 30 * DAY,
  /** What a team's kept responses may be together, some 20 000 of them: then the oldest go before their time. */
  keptBytesPerTeam: 256 * MIB,
  /** Kept answers that one transaction blanks, after a delete of a file that they quote. */
  perBlanking: 100,
  /** Passages that an answer is written from: some 10 000 characters. */
  passages: 8,
  /** The chat server says nothing for so long: it is given up. */
  chatSilenceMs: MINUTE,
  chatAnswerChars: 100_000,
  /** One event of a chat server, or its whole answer when it does not stream. */
  chatEventChars: MIB,
  /** A streamed answer begins after this at the latest; before it, a failure has a status of its own … */
  streamBeginsMs: 2 * SECOND,
  /** … and says that it is alive this often. */
  streamSilenceMs: 10 * SECOND,
} as const;
