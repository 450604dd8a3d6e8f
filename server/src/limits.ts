import { EXTRACTION_LIMITS } from "./extraction-limits.ts";
import { DAY, HOUR, KIB, MIB, MINUTE, SECOND } from "./units.ts";

/**
 * Every limit that a client or operator can meet: unit in the name, contract line beside it. The few that an operator
 * may change are defaults here and settings in `config.ts`; errors, headers and OpenAPI name the value in force
 * (LIM-4).
 */

/** Defaults of settings. */
export const DEFAULTS = {
  /** §2 `size_bytes`; more is 413 file_too_large. */
  maxFileBytes: 25 * MIB,
  /** LIM-1, per team; more is 429 rate_limited. */
  createsPerSecond: 5,
  /** §2 `expires_at`. */
  sessionTtlSeconds: 3600,
  /** §6; one more is 400 bucket_assignment_failed. */
  bucketsPerTeam: 10_000,
} as const;

export const LIMITS = {
  // What a request may hold (§1, §2, §12)
  jsonBodyBytes: 64 * KIB,
  /** Of a batch: 100 items at the limits of a file are over 1 MiB. */
  batchBodyBytes: 4 * MIB,
  /**
   * What requests of more than jsonBodyBytes may send together, until they are answered; in places of
   * jsonBodyBytes each.
   */
  largeBodyBytes: 64 * MIB,
  jsonDepth: 32,
  jsonBodyTimeoutMs: 15 * SECOND,
  filenameChars: 255,
  titleChars: 512,
  contentTypeChars: 255,
  tags: 20,
  tagChars: 64,
  metadataBytes: 8 * KIB,
  buckets: 20,
  slugChars: 63,
  bucketNameChars: 255,
  bucketDescriptionChars: 2_000,
  idempotencyKeyChars: 255,
  /** BAT-1; more is 400 batch_too_large. */
  batchFiles: 100,
  clientFileIdChars: 128,
  /** CON-2: parts of a form … */
  formParts: 100,
  /** … the headers of each, and how many there are … */
  formPartHeaderBytes: 16 * KIB,
  formPartHeaders: 20,
  /** … its text fields together; more is 413 request_too_large … */
  formFieldsBytes: 64 * KIB,
  /** … and all that it may have beside the bytes of its file. */
  formBytes: 256 * KIB,
  /** Of one batch; they share commits. */
  batchFinalizesAtOnce: 8,

  // Sessions (LIM, IDE-5, FIN-4, PUT-19)
  rateWindowMs: SECOND,
  /** How long a counted create is remembered, so that a clock that steps back finds the window it left. */
  admissionRetentionMs: MINUTE,
  openSessionsPerTeam: 25_000,
  /** A record makes `expires_at` at least now + this … */
  sessionRenewalMs: 15 * MINUTE,
  /** … at most created + this. */
  sessionMaxLifeMs: DAY,
  /** A complete session may be finalized for at least this long after its completion. */
  receivedLifeMs: DAY,
  /** Ended sessions and idempotency keys, from their last use. */
  sessionRetentionMs: 7 * DAY,
  /** Tombstones of files. */
  tombstoneRetentionMs: 30 * DAY,

  // The byte end-point (byte-endpoint §5, PUT-7, PUT-9, PUT-14, PUT-17, PUT-19)
  uploadUnitBytes: 256 * KIB,
  recordEveryMs: 5 * SECOND,
  takeOverWaitMs: 2 * SECOND,
  uploadIdleMs: 30 * SECOND,
  uploadMinBytesPerSecond: 512,
  uploadRateWindowMs: MINUTE,
  /**
   * A PUT to a complete session is read for its declared size and this much more; then it is answered and its
   * connection ends.
   */
  repeatSlackBytes: 256 * KIB,
  refusalDrainMs: 5 * SECOND,
  refusalDrainBytes: 32 * MIB,
  headersTimeoutMs: 10 * SECOND,
  /**
   * Longer than the idle time of common proxies (60 s): the proxy closes first, so no request meets a closing socket.
   */
  keepAliveMs: 72 * SECOND,

  // Connections (http/connections.ts, http/connection.ts, http/unread-answers.ts)
  /** Fewer where the system allows fewer open files (open-file-limit.ts). */
  maxConnections: 10_000,
  /** Of one peer (an IPv4 address, an IPv6 /64), and at most a quarter of all. Not for WHARF_UNLIMITED_PEERS. */
  connectionsPerPeer: 1_000,
  /**
   * Beside the others, for `/healthz`, `/readyz` and `/metrics`: newer ones push older ones out, so it is never full.
   */
  reservedConnections: 32,
  /** With fewer that are free or idle, each new connection ends one poll that is held beyond its share. */
  scarceConnections: 64,
  /** A connection that is so new makes no room for others while anybody else can: it is about to say what it wants. */
  newConnectionMs: SECOND,
  /** Requests that wait behind the one that is being answered … */
  pipelinedRequests: 8,
  /** … and their bytes. More, and the connection ends after that answer … */
  pipelinedBytes: 64 * KIB,
  /** … or at once, when so much more comes meanwhile. */
  pipelineDropBytes: MIB,
  /** A client that takes nothing of its answer for so long is cut. */
  unreadAnswerMs: 30 * SECOND,
  /**
   * The same where the system does not say what a connection's peer has acknowledged: a third of a socket buffer of 4
   * MB at 10 kB/s.
   */
  unseenProgressMs: 150 * SECOND,
  /** A timer that fires later than this was asleep with the process (SIGSTOP, suspend): it arms once more. */
  lateTimerMs: 2 * SECOND,

  // The dashboard (access/dashboard.ts)
  /** A link that signs in is good for so long, and once. */
  dashboardLinkMs: MINUTE,
  /** A session of the dashboard, from its sign-in. */
  dashboardSessionMs: 12 * HOUR,

  // Disk (PUT-20): the reserve is the smaller of the two
  diskReserveBytes: 1024 * MIB,
  diskReserveShare: 0.05,

  // Shutdown: running answers and uploads may end within this; then uploads are cut, their whole units recorded
  shutdownGraceMs: 10 * SECOND,
  /** A client of a kept connection has so long to notice that it is closed. */
  closedLingerMs: SECOND,
  /**
   * A stop that has not ended by then hangs, and the process ends with exit code 75. Grace, records and tasks are over
   * in 15 s at most.
   */
  stopMs: 20 * SECOND,

  // Maintenance: from the beginning of a chore's round to that of the next, and how much of a round it works
  // (maintenance/)
  sweepEveryMs: 10 * SECOND,
  sweepShare: 0.5,
  /** For so long after the clock has jumped nothing expires for good, and no row goes. */
  clockHoldMs: 10 * MINUTE,
  /** Segments are those of uploads under way: few, and what is left of them takes the room of new ones. */
  reconcileSegmentsEveryMs: 10 * MINUTE,
  /** A million files are two million names to compare with the catalogue: some minutes at a quarter of the time. */
  reconcileBlobsEveryMs: HOUR,
  reconcileShare: 0.25,
  compareIndexEveryMs: MINUTE,
  compareIndexShare: 0.25,
  /** Calls that met damage lie so far apart before a team's index is thrown away, at most once in the time below. */
  indexDamageSureMs: SECOND,
  discardIndexEveryMs: HOUR,
  /** A batch that failed is tried again after this, or after the chore's period when that is shorter. */
  maintenanceRetryMs: MINUTE,
  /** A killed process has lost no more of a round than this. */
  keepPositionEveryMs: 10 * SECOND,
  /** A temporary object older than this belongs to nobody, whatever the clock did. */
  temporaryMaxAgeMs: HOUR,
  /** What the scrubber reads of the originals: 100 GB take 7 hours. */
  scrubBytesPerSecond: 4 * MIB,
  scrubEveryMs: HOUR,

  // Memory after a peak (idle-memory.ts)
  idleMemoryLookMs: 10 * SECOND,
  /** Only while the main thread works less than this share of the time: a collection stops it for 35 ms … */
  idleMemoryBusy: 0.25,
  /** … and only when so much more is held than after the last one. */
  idleMemorySpareBytes: 64 * MIB,

  // Figures (metrics/)
  /** What `/metrics` reads from catalogue and disk serves everybody for this long. */
  metricsCacheMs: 5 * SECOND,

  // Tasks (docs/state-machines/task.md)
  leaseMs: 10 * SECOND,
  heartbeatMs: 3 * SECOND,
  claimMaxMs: 5 * MINUTE,
  maxFaults: 5,
  maxDeaths: 2,
  machineBackoffMs: [SECOND, 4 * SECOND, 16 * SECOND, MINUTE],
  leaseLossesBeforeBackoff: 20,
  /** A task that was running so often in a row when the server died may be why: it waits before each further try … */
  crashesBeforeWait: 3,
  /** … this long (POL-3 says so meanwhile), and one such task of the whole server is tried at a time. */
  crashWaitMs: HOUR,
  /** Processor time after which a document moves to the slow lane, if there is room … */
  slowLaneAfterCpuMs: 250,
  /**
   * … and time after which it leaves the fast lane, if that is full: it goes on in the slow lane, or lines up there.
   * Both are of a machine on which a reader starts in `childStartCpuMs` of processor time; a slower one has as many
   * times more, at most `slowestMachine` times (extraction/lanes.ts).
   */
  childStartCpuMs: 30,
  slowestMachine: 8,
  fastLaneMaxMs: SECOND,
  /**
   * As many of a team's documents are read at once as there are cores; what is read for longer than this
   * does not count, or, once the team has more readers than there are cores, for longer than `slowLaneAfterCpuMs`.
   */
  teamTurnMs: 50,
  queuePositionMax: 1000,
  pollWaitMaxSeconds: 60,
  /** A held poll reads its object again this often, whatever it was woken by … */
  pollRereadMs: SECOND,
  /** … unless so many are held that all together would read more often than this: 10 % of the main thread. */
  pollRereadsPerSecond: 500,
  /**
   * A poll beyond its team's or key's share of limits.heldPolls is held for at least this long, instead of
   * being refused …
   */
  pollSurplusMs: SECOND,
  /**
   * … and longer when so many are that they would come again more often than this: each costs 0.5 ms of the
   * main thread.
   */
  pollSurplusPerSecond: 200,
  /**
   * At most so long: what holds a connection for nothing must make room. 8 500 held for 30 s left no place for
   * other teams.
   */
  pollSurplusMaxMs: 3 * SECOND,
  /** Fair queueing: how much later a team's next task sorts than its last (tasks/fair-order.store.ts). */
  fairShareMs: 1,
  /** Back-off tasks that one claim makes due, so that a claim stays short after an outage. */
  dueTasksPerClaim: 20,
  /** How often a worker without a wake-up looks for tasks, and the rescuer for leases that ended. */
  taskLookMs: SECOND,
  /** After a jump of the clock or a stopped process, the rescuer lets one heartbeat of everybody pass. */
  rescueHoldMs: 4 * SECOND,
  /** Removal of a file whose task was running waits until that worker has noticed. */
  removeAfterRunningMs: 4 * SECOND,
  /** For so long after a delete the sweep looks whether a stopped worker wrote chunks after the removal. */
  removeRepeatMs: HOUR,
  /** At a stop, how long the server waits for a handler to let go. Its task is back in the queue already. */
  taskStopMs: 5 * SECOND,
  /**
   * Chunks of one document that wait in memory, in UTF-16 code units of text and tokens; more wait in an unnamed file.
   */
  chunkSpoolChars: 4 * 1024 * 1024,
  removeWithinMs: MINUTE,

  // Reads of many rows, in a thread of their own
  /**
   * Steps over an index and looks into one that a read makes: some 10 ms. What needs more goes on in another read,
   * behind those who wait.
   */
  rowsPerRead: 10_000,

  // Lists (§7)
  listDefault: 50,
  listMax: 200,
  /** Reads that one list request makes while its page is not full; then the page stays short (contract §12). */
  listReads: 10,
  bucketFileIds: 1000,
  /** The same of all buckets together in an answer that is not paginated (contract §6). */
  listedFileIds: 100_000,
  /** Buckets of one read of a listing; fewer when they have rowsPerRead ids. */
  bucketsPerRead: 100,
  /** Files that one bulk delete matches (FIL-8), and of one transaction of it. */
  bulkDeleteFiles: 1_000,
  bulkDeleteBatch: 50,
  /** What was under way when a bucket was deleted has ended by then: its row may go. */
  deletedBucketMs: MINUTE,
  /** `metadata.<key>` filters of one list request; more is 400 invalid_request. */
  listMetadataFilters: 20,
  /**
   * A filter that matches at most so many files is read whole and sorted; a larger one is checked file by file, newest
   * first.
   */
  listSortRows: 2_000,

  // Blobs in a folder
  /**
   * Kept open by a store, for the fsyncs of their names: all there are (blobs/fs-layout.ts); fewer where files are few.
   */
  openFolders: 768,

  // What all teams share in one process (fairness/): a team may take another place while it holds fewer than are free,
  // a key while it holds fewer than three times what its team may still take. More is 503 overloaded. Two processes
  // have twice as much.
  /** Searches that wait or are under way. Rankings take 5 to 100 ms each. */
  searches: 400,
  /** List requests that wait or are under way. */
  lists: 400,
  /** Reads of many rows at once, for all and for one team: what another one may have to wait behind. */
  walks: 4,
  walksOfTeam: 2,
  /** Polls held for as long as they ask, 40 kB each; fewer where connections are. More are held for pollSurplusMs. */
  heldPolls: 4_000,
  /** Uploads that finalize reads and hashes at once, for all and for one team: 25 MB take 150 ms of the main thread. */
  hashings: 8,
  hashingsOfTeam: 4,
  /** Smaller ones need no turn: one read, 2 ms. */
  hashedInTurnBytes: 256 * KIB,
  /** Answers that their clients have not taken yet, small ones not counted; in places of so many bytes. */
  answerBytes: 128 * MIB,
  smallAnswerBytes: 64 * KIB,
  answerPlaceBytes: 16 * KIB,
  /** Listings of buckets that are being sent, each with one read of them in memory (500 kB). */
  bucketListings: 40,
  /** Answers that are being written (§16): each holds a connection, and most of them wait for the chat server. */
  responses: 200,
  /**
   * Requests to /mcp that are waiting or being answered: each holds a connection and makes one call of the
   * API at a time.
   */
  agentCalls: 200,

  // Downloads (§7 content, text)
  /** At once, in one process, each with one chunk in memory. */
  downloads: 200,
  /** Pieces of originals (256 KiB) read and hashed at once, for all and for one team: two keep disk and thread busy. */
  pieces: 4,
  piecesOfTeam: 2,
  /** Originals whose piece digests are remembered: 3 kB each. */
  verifiedBlobs: 500,

  // Search (§9)
  queryChars: 2000,
  searchLimitDefault: 10,
  searchLimitMax: 100,
  searchFileIds: 1000,
  metadataFilterFiles: 1000,
  metadataFilterPairs: 20,
  /** §9 `duplicates` of one result. */
  searchDuplicates: 20,
  /** Copies among the candidates, from which on no more of them are ranked to fill a list. */
  searchCopies: 1_000,
  /** Candidates ranked beyond twice the limit: room for what the catalogue drops. */
  searchExtraCandidates: 16,
  /** Chunks that hold a query's words, each word's counted: 20 ms of a reading thread, and 20 MB of its memory. */
  searchTermBudgetRows: 1_000_000,
  /** Best chunks of a long query that are scored again by all of its words … */
  searchRescored: 300,
  /** … and of any shorter one that are read again, for phrases and the like (search-index/passage-score.ts). */
  searchLookedThrough: 100,
  /**
   * Candidates that one read of the catalogue judges: 36 for ten results; more when a search finds many that are not
   * shown.
   */
  buildsPerRead: 500,
  /** Rows of a phrase's words: one with more is not looked up by itself, only seen in what its words found. */
  searchPhraseRows: 200_000,
  chunksPerWrite: 100,
  /** Batches of a document at once: they share a commit (a PDF of 100 pages: 33 → 24 ms). More would hold notes up. */
  chunkWritesAtOnce: 2,

  // Files of the search index (search-index/fts5*.ts)
  /**
   * The thread that writes has a priority so much lower than those that answer (nice; readers of documents have
   * childPriority).
   */
  indexWriterYields: 5,
  /** Threads that read … */
  indexReaders: 2,
  /** … and at once for one team: another one never waits for it (docs/decisions/0035-shares.md). */
  indexReadersOfTeam: 1,
  /** Different terms of a commit that are counted behind it, when nobody waits (3 ms; search-index/fts5-terms.ts). */
  indexTermsCountedLater: 2000,
  /** Open at once in each thread, one a team; each takes three descriptors (open-file-limit.ts). */
  indexOpenFiles: 42,
  /** Lists of words that each reading thread keeps for later queries, of all teams (search-index/kept-lists.ts). */
  indexKeptListsBytes: 32 * MIB,
  /**
   * A removal of at most this many chunks takes every word out of the index at once (4 ms a chunk, 0.3 ms otherwise) …
   */
  indexThoroughRemovalChunks: 1000,
  /** … in batches of this many, so that nobody waits behind one for more than 0.1 s. */
  indexThoroughRemovalBatch: 20,
  /** The same of a change of labels. */
  indexThoroughLabelChunks: 100,
  /**
   * Chunks whose tokens are made anew in one commit, after a new analyser: 4 ms of processor, at most 20, behind which
   * a write waits (of 50 chunks: 8 and 36 ms).
   */
  indexReadAgainBatch: 20,
  /** A changed file of more chunks keeps its old labels in the index, beside the new ones, until maintenance. */
  labelledAtOnceChunks: 1000,
  /**
   * Pages (4 KiB) written by one step of a merge: the one that follows a larger removal, or one that waits for quiet.
   */
  indexMergePages: 200,
  /** When nobody has written for so long, the trees of what was written are merged (search-index/fts5-write.ts). */
  indexQuietMs: 2 * SECOND,

  // Chunks, in UTF-16 code units
  chunkTargetChars: 1200,
  chunkMaxChars: 2000,
  chunkOverlapChars: 200,

  ...EXTRACTION_LIMITS,
} as const;
