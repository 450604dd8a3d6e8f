import { KIB, MIB, MINUTE, SECOND } from "./units.ts";

/** What reading one document may take: a part of limits.ts. */
export const EXTRACTION_LIMITS = {
  // Extraction (docs/formats.md). What one document may hold; more is too_complex.
  extractedChars: 32 * 1024 * 1024,
  extractedPages: 50_000,
  /**
   * Empty cells between two filled ones of a row that are written as bars; a wider gap is one bar. A month has 31
   * columns.
   */
  sheetGapCells: 32,
  /**
   * How often an equal cell or row of an ODS is written; one that claims more fills its sheet to the edge, and is
   * written once.
   */
  sheetRepeats: 1024,
  /** … and what both may take of a document: later gaps are one bar, later repeats are written once. */
  sheetLayoutChars: MIB,
  /** A page's own name; longer ones are cut. */
  pageLabelChars: 255,
  /** Different strings of a workbook: so many references are 40 MB of the child's heap, before any text. */
  sharedStrings: 5_000_000,
  zipEntries: 20_000,
  zipEntryBytes: 100 * MIB,
  /** Counted over all reads: a slide list may name one part 200 000 times. */
  zipTotalBytes: 200 * MIB,
  xmlDepth: 2_000,
  /** What `warnings` of a file may say (contract §11); the first count. */
  warnings: 20,
  warningPages: 100,
  warningChars: 500,
  /** Of messages within messages, whose text is read: each level keeps a copy of what is within it. */
  nestedMessages: 10,
  mimeDepth: 50,
  mimeHeaderBytes: 2 * MIB,
  /**
   * The library keeps an object for each: a million take 500 MB of the child's memory. 25 MB of base64 have 350 000.
   */
  mimeLines: 1_000_000,
  pdfMemoryBytes: 512 * MIB,
  /**
   * A PDF of at most so many bytes gets less of it: bombs are small, and end in a third of the time (formats/pdf.ts) …
   */
  pdfSmallBytes: 256 * KIB,
  /** … so much, that both readers of one child stay below childRssBytes together. */
  pdfSmallMemoryBytes: 128 * MIB,

  // Extraction: what a child process may use. More is extraction_memory or extraction_timeout.
  childHeapMib: 400,
  /** prlimit --data: 1 GiB leaves V8 and WASM 490 MB, this about 1 GB. */
  childDataBytes: 1536 * MIB,
  childRssBytes: 768 * MIB,
  childCpuMs: 30 * SECOND,
  childWallMs: 2 * MINUTE,
  /** A child in the state "stopped" (SIGSTOP) for this long is ended. */
  childStoppedMs: 3 * SECOND,
  childStartMs: 20 * SECOND,
  childPollMs: 50,
  /**
   * A child is thrown away after so many documents, or so much processor time in all. Not sooner: the next one takes a
   * second of processor time until it is as quick.
   */
  childDocuments: 1000,
  childLifeCpuMs: MINUTE,
  /** A child that holds more when its document ends is thrown away too. One that has read notes holds 70 MiB. */
  childIdleRssBytes: 256 * MIB,
  /** Fresh children that wait for documents of teams that have none. */
  childSpares: 2,
  /**
   * Children that wait for their team's next document: so many teams may take turns without a start for each. Idle, one
   * has 13 MB of its own.
   */
  childrenKept: 16,
  /** Threads and processes of a child that has a user of its own; Node takes 11. */
  childThreads: 64,
  childPriority: 10,
  slowLanePriority: 19,
} as const;
