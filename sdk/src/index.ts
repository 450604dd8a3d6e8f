// biome-ignore-all lint/performance/noBarrelFile: the package's door wherever there is no disk.

export type { AnswerEvent } from "./answers.ts";
export type { BatchWaitOptions } from "./batches.ts";
export type { CallOptions, Calls, Operation } from "./core/calls.ts";
export type { ErrorCode, LocalCode } from "./core/errors.ts";
export { ApiError, ConnectionError, IndexingError, WaitTimeoutError, WharfError } from "./core/errors.ts";
export type { OpenAnswer } from "./core/exchange.ts";
export { Pages } from "./core/pages.ts";
export type { BatchFile, BatchOptions, UploadedBatch } from "./files/batch-upload.ts";
export type { Source } from "./files/content.ts";
export type { FileOptions } from "./files/description.ts";
export type { FileFilter, UploadOptions } from "./files/files.ts";
export type { OneCallFile } from "./files/one-call.ts";
export type { UploadedFile, UploadProgress } from "./files/upload.ts";
export type { WaitOptions } from "./files/wait.ts";
export type {
  AgentModel,
  AgentProfile,
  Answer,
  Batch,
  BatchItem,
  Bucket,
  Connection,
  FileWarning,
  KnowledgeFile,
  Operations,
  SearchAnswer,
  SearchResult,
  Task,
  UploadSession,
} from "./generated/types.ts";
export { Wharf, type WharfOptions } from "./wharf.ts";
