// Generated from openapi.json by tools/generate-client.ts: run npm run generate.

/** Id of the request that was answered: name it when you report a fault. */
export type Answered = { readonly request_id: string };

export type Task = {
  readonly id: string;
  readonly object: "knowledge_indexing_task";
  readonly type: "index";
  /** indexed, failed and cancelled are final. */
  readonly status: "queued" | "indexing" | "indexed" | "failed" | "cancelled";
  /** Where the work is, or where it ended. */
  readonly stage: "waiting" | "extracting" | "chunking" | "indexing" | "activating";
  /** Counts what went wrong with the file itself, not restarts of the server. */
  readonly attempt: number;
  readonly max_attempts: number;
  /** Set while the task waits after something went wrong. */
  readonly next_attempt_at: string | null;
  /** Place among your team's own waiting tasks, from 1, counted up to 1000. */
  readonly queue_position: number | null;
  readonly progress: {
    readonly done: number;
    readonly total: number | null;
    readonly unit: "pages" | "chunks";
  } | null;
  /** What went wrong last. While the status is not failed, the task goes on by itself. */
  readonly error: {
    readonly code: string;
    readonly message: string;
  } | null;
  readonly created_at: string;
  readonly updated_at: string;
  readonly finished_at: string | null;
  readonly file_id: string;
};

/** The latest indexing task; of a deleted file its id only. */
export type FileTask = {
  readonly id: string;
  readonly object?: "knowledge_indexing_task" | undefined;
  readonly type?: "index" | undefined;
  /** indexed, failed and cancelled are final. */
  readonly status?: "queued" | "indexing" | "indexed" | "failed" | "cancelled" | undefined;
  /** Where the work is, or where it ended. */
  readonly stage?: "waiting" | "extracting" | "chunking" | "indexing" | "activating" | undefined;
  /** Counts what went wrong with the file itself, not restarts of the server. */
  readonly attempt?: number | undefined;
  readonly max_attempts?: number | undefined;
  /** Set while the task waits after something went wrong. */
  readonly next_attempt_at?: string | null | undefined;
  /** Place among your team's own waiting tasks, from 1, counted up to 1000. */
  readonly queue_position?: number | null | undefined;
  readonly progress?: {
    readonly done: number;
    readonly total: number | null;
    readonly unit: "pages" | "chunks";
  } | null | undefined;
  /** What went wrong last. While the status is not failed, the task goes on by itself. */
  readonly error?: {
    readonly code: string;
    readonly message: string;
  } | null | undefined;
  readonly created_at?: string | undefined;
  readonly updated_at?: string | undefined;
  readonly finished_at?: string | null | undefined;
};

export type FileWarning = {
  readonly code: "garbled_text" | "empty_page" | "part_skipped";
  /** For people: what is missing and what to do. */
  readonly message: string;
  /** At most the first 100. */
  readonly pages: readonly number[];
};

/** A file. */
export type KnowledgeFile = {
  readonly id: string;
  readonly object: "knowledge_file";
  /** Wait for indexed: then search finds the file. failed and deleted are final too. */
  readonly status: "queued" | "indexing" | "indexed" | "failed" | "deleted";
  /** Absent once the file is deleted. */
  readonly title?: string | undefined;
  /** Absent once the file is deleted. */
  readonly filename?: string | undefined;
  /** As declared. */
  readonly content_type?: string | undefined;
  /** As found; null until it was looked at. */
  readonly detected_content_type?: string | null | undefined;
  readonly size_bytes: number;
  /** Of the original, hexadecimal. */
  readonly sha256?: string | undefined;
  /** Pages (slides, sheets, chapters) of the indexed text; null until it is indexed. */
  readonly pages?: number | null | undefined;
  /** What of the file the indexed text does not show; empty when nothing is known to be missing. */
  readonly warnings?: readonly FileWarning[] | undefined;
  readonly tags: readonly string[];
  readonly metadata: { readonly [name: string]: unknown };
  readonly bucket_ids: readonly string[];
  readonly bucketSyncStatus?: "pending" | "active" | "failed" | undefined;
  /** By bucket id. */
  readonly bucketSync?: { readonly [name: string]: {
    readonly slug: string;
    readonly status: "pending" | "active" | "failed";
  } } | undefined;
  /** Why the file, or the last reindexing of it, failed. */
  readonly error?: {
    readonly code: string;
    readonly message: string;
  } | null | undefined;
  /** For people: what the status does not say. */
  readonly status_detail?: string | null | undefined;
  /** The latest indexing task; of a deleted file its id only. */
  readonly task: FileTask;
  readonly source?: {
    readonly kind: "upload_session";
    readonly session_id: string;
  } | undefined;
  readonly created_at: string;
  readonly updated_at: string;
  /** Of deleted files only. */
  readonly deleted_at?: string | undefined;
};

/** The file; ids and states alone to a key without files:read. */
export type FileChange = {
  readonly id: string;
  readonly object: "knowledge_file";
  /** Wait for indexed: then search finds the file. failed and deleted are final too. */
  readonly status: "queued" | "indexing" | "indexed" | "failed" | "deleted";
  /** Absent once the file is deleted. */
  readonly title?: string | undefined;
  /** Absent once the file is deleted. */
  readonly filename?: string | undefined;
  /** As declared. */
  readonly content_type?: string | undefined;
  /** As found; null until it was looked at. */
  readonly detected_content_type?: string | null | undefined;
  readonly size_bytes?: number | undefined;
  /** Of the original, hexadecimal. */
  readonly sha256?: string | undefined;
  /** Pages (slides, sheets, chapters) of the indexed text; null until it is indexed. */
  readonly pages?: number | null | undefined;
  /** What of the file the indexed text does not show; empty when nothing is known to be missing. */
  readonly warnings?: readonly FileWarning[] | undefined;
  readonly tags?: readonly string[] | undefined;
  readonly metadata?: { readonly [name: string]: unknown } | undefined;
  readonly bucket_ids: readonly string[];
  readonly bucketSyncStatus?: "pending" | "active" | "failed" | undefined;
  /** By bucket id. */
  readonly bucketSync?: { readonly [name: string]: {
    readonly slug: string;
    readonly status: "pending" | "active" | "failed";
  } } | undefined;
  /** Why the file, or the last reindexing of it, failed. */
  readonly error?: {
    readonly code: string;
    readonly message: string;
  } | null | undefined;
  /** For people: what the status does not say. */
  readonly status_detail?: string | null | undefined;
  /** The latest indexing task; of a deleted file its id only. */
  readonly task: FileTask;
  readonly source?: {
    readonly kind: "upload_session";
    readonly session_id: string;
  } | undefined;
  readonly created_at?: string | undefined;
  readonly updated_at?: string | undefined;
  /** Of deleted files only. */
  readonly deleted_at?: string | undefined;
};

export type Bucket = {
  readonly id: string;
  readonly teamId: string;
  readonly slug: string;
  readonly name: string;
  readonly description: string | null;
  readonly status: "active" | "archived";
  readonly knowledgeIds: readonly string[];
  /** At most 1000, and 100000 in one answer without limit; fileIdsTruncated says whether there are more. */
  readonly fileIds: readonly string[];
  readonly fileKnowledgeIds: readonly string[];
  readonly fileIdsTruncated: boolean;
  readonly filesCount: number;
  readonly memberCount: number;
  readonly rawMemberCount: number;
  /** Every file that is not deleted. */
  readonly fileCount: number;
  /** Indexed files: those that a search can find. */
  readonly retrievableFileCount: number;
  readonly staleMemberCount: number;
  readonly activeNonFileMemberCount: number;
  readonly counts: {
    readonly raw_members: number;
    readonly file: number;
    readonly retrievable_files: number;
  };
  readonly bucketStore: {
    readonly alias: string;
    readonly status: "active";
    readonly file_count: number;
    readonly indexed_file_count: number;
    readonly pending_file_count: number;
    readonly member_count: number;
    readonly indexed_member_count: number;
    readonly pending_member_count: number;
    readonly last_synced_at: string | null;
    readonly last_error: string | null;
  };
  readonly created_at: string;
  readonly updated_at: string;
};

/** The bucket; ids and states alone to a key without files:read. */
export type BucketChange = {
  readonly id: string;
  readonly teamId: string;
  readonly slug?: string | undefined;
  readonly name?: string | undefined;
  readonly description?: string | null | undefined;
  readonly status: "active" | "archived";
  readonly knowledgeIds?: readonly string[] | undefined;
  /** At most 1000, and 100000 in one answer without limit; fileIdsTruncated says whether there are more. */
  readonly fileIds?: readonly string[] | undefined;
  readonly fileKnowledgeIds?: readonly string[] | undefined;
  readonly fileIdsTruncated?: boolean | undefined;
  readonly filesCount?: number | undefined;
  readonly memberCount?: number | undefined;
  readonly rawMemberCount?: number | undefined;
  /** Every file that is not deleted. */
  readonly fileCount?: number | undefined;
  /** Indexed files: those that a search can find. */
  readonly retrievableFileCount?: number | undefined;
  readonly staleMemberCount?: number | undefined;
  readonly activeNonFileMemberCount?: number | undefined;
  readonly counts?: {
    readonly raw_members: number;
    readonly file: number;
    readonly retrievable_files: number;
  } | undefined;
  readonly bucketStore?: {
    readonly alias: string;
    readonly status: "active";
    readonly file_count: number;
    readonly indexed_file_count: number;
    readonly pending_file_count: number;
    readonly member_count: number;
    readonly indexed_member_count: number;
    readonly pending_member_count: number;
    readonly last_synced_at: string | null;
    readonly last_error: string | null;
  } | undefined;
  readonly created_at?: string | undefined;
  readonly updated_at?: string | undefined;
};

export type UploadSession = {
  readonly session_id: string;
  /** Not in what DELETE answers, which a key may send that reads nothing. */
  readonly filename?: string | undefined;
  readonly status: "open" | "received" | "finalized" | "expired" | "cancelled";
  /** Bytes from the start that are durable. */
  readonly received_bytes: number;
  readonly size_bytes: number;
  readonly expires_at: string;
  readonly file_id: string | null;
};

export type SearchResult = {
  /** Comparable within one answer only. */
  readonly score: number;
  readonly file_id: string;
  readonly filename: string;
  readonly title: string;
  /** Those of the searched buckets that hold the file. */
  readonly buckets: readonly {
    readonly id: string;
    readonly slug: string;
  }[];
  readonly tags: readonly string[];
  readonly metadata: { readonly [name: string]: unknown };
  /** The same as long as the file's version is. */
  readonly chunk_id: string;
  readonly text: string;
  /** Ranges of text that matched: UTF-16 code units, end exclusive. */
  readonly highlights: readonly (readonly [number, number])[];
  readonly page: number;
  readonly pages: readonly number[];
  /** UTF-16 code units of the page's text as GET /v1/knowledge/files/{id}/text gives it. */
  readonly char_start: number;
  /** Exclusive. */
  readonly char_end: number;
  readonly file_version: number;
  /** Passages with the same text, which are one result: at most 20 are named. */
  readonly duplicates: readonly {
    readonly file_id: string;
    readonly chunk_id: string;
    readonly page: number;
  }[];
};

export type SearchAnswer = {
  readonly results: readonly SearchResult[];
  readonly searched: {
    readonly buckets: number;
    /** A file in two searched buckets counts in both. */
    readonly files: number;
    readonly chunks: number;
    /** Words too frequent to be looked up beside the others; they count in the scores of what those found. */
    readonly terms_ignored: readonly string[];
  };
};

export type BatchSession = {
  readonly client_file_id: string;
  readonly session_id: string;
  /** Absolute; PUT the bytes there. Whoever has it may write: keep it secret. */
  readonly upload_url: string;
  readonly expires_at: string;
  /** The session was there: ask upload_url how many of its bytes are, before sending any. */
  readonly replayed: boolean;
};

export type BatchRejection = {
  readonly client_file_id: string;
  readonly error: {
    readonly code: string;
    readonly message: string;
    readonly retryable: boolean;
    readonly details: { readonly [name: string]: unknown };
  };
};

export type BatchItem = {
  readonly client_file_id: string;
  readonly clientFileId: string;
  readonly session_id: string | null;
  /** pending: bytes or finalize are missing. */
  readonly status: "rejected" | "pending" | "expired" | "cancelled" | "queued" | "indexing" | "indexed" | "failed" | "deleted";
  readonly file: KnowledgeFile | null;
  readonly knowledgeId: string | null;
  readonly taskId: string | null;
  readonly canonicalStatus: string | null;
  readonly bucketSyncStatus: string | null;
  readonly bucketSync: { readonly [name: string]: unknown };
  readonly error: {
    readonly code: string;
    readonly message: string;
    readonly retryable?: boolean | undefined;
    readonly details?: { readonly [name: string]: unknown } | undefined;
  } | null;
};

export type Batch = {
  readonly id: string;
  readonly object: "knowledge_batch";
  readonly status: "accepted" | "active" | "partially_failed" | "partially_active" | "failed";
  /** For people. */
  readonly message: string;
  readonly total: number;
  readonly accepted: number;
  readonly rejected: number;
  readonly queued: number;
  readonly indexing: number;
  /** Files that search finds. */
  readonly active: number;
  readonly partialFailedCount: number;
  readonly failed: number;
  readonly items?: readonly BatchItem[] | undefined;
};

export type AgentModel = {
  readonly id: string;
  readonly base_model: "calypso-rag-agent";
  readonly profile_id: string | null;
  readonly source: "default_policy" | "named_profile";
  readonly enabled: boolean;
  readonly bucket_ids: readonly string[];
  readonly buckets: readonly {
    readonly id: string;
    readonly name: string;
    readonly slug: string;
    readonly status: "active" | "archived";
    readonly member_count: number;
  }[];
  /** It has more: all models that answer from every bucket list 20000 between them. */
  readonly buckets_truncated: boolean;
  readonly missing_bucket_ids: readonly string[];
};

export type AgentProfile = {
  readonly profile_id: string;
  readonly model: string;
  readonly name: string;
  readonly bucket_ids: readonly string[];
  readonly instructions: string;
  readonly enabled: boolean;
  readonly created_at: string;
  readonly updated_at: string;
};

export type Answer = {
  readonly id: string;
  readonly object: "response";
  /** Unix seconds. */
  readonly created_at: number;
  readonly status: "completed";
  readonly model: string;
  readonly error: null;
  readonly conversation: {
    readonly id: string;
  };
  readonly previous_response_id: string | null;
  readonly output: readonly ({
    readonly type: "file_search_call";
    readonly id: string;
    readonly status: "completed";
    readonly queries: readonly string[];
    readonly results: readonly {
      readonly file_id: string;
      readonly filename: string;
      readonly score: number;
      readonly text: string;
      readonly page: number;
    }[];
  } | {
    readonly type: "message";
    readonly id: string;
    readonly role: "assistant";
    readonly status: "completed";
    readonly content: readonly {
      readonly type: "output_text";
      readonly text: string;
      readonly annotations: readonly {
        readonly type: "file_citation";
        readonly file_id: string;
        readonly filename: string;
        /** Where its [n] stands in text, UTF-16 code units. */
        readonly index: number;
        readonly name: string;
        readonly url: string;
        readonly page: number;
        /** Range of the page's text, as in search. */
        readonly char_start: number;
        readonly char_end: number;
      }[];
    }[];
  })[];
  readonly output_text: string;
  /** As sent, and _aicore: {display_text, grounded_sources[{index, label, filename, snippet, knowledge_id, page}], grounding_supports[{support_index, chunks[], text}]}. */
  readonly metadata: { readonly [name: string]: unknown };
  readonly usage: {
    readonly input_tokens: number;
    readonly output_tokens: number;
    readonly total_tokens: number;
  };
};

export type Connection = {
  readonly ok: true;
  readonly team_id: string;
  readonly key: {
    readonly id: string;
    readonly name: string;
    readonly scopes: readonly ("files:write" | "files:read" | "search" | "admin")[];
  };
};

/** What goes into each operation, and what it answers. */
export type Operations = {
  /** Which team and key you are connected as. Needs any key. */
  readonly getConnection: {
    readonly input: { readonly [name: string]: never };
    readonly answer: Connection & Answered;
  };
  /** The team's buckets. All of them by slug, unless limit or cursor is given. Needs a key with the scope files:read. */
  readonly listBuckets: {
    readonly input: {
      readonly query?: {
        /** Default false: active buckets only. */
        readonly include_archived?: boolean | undefined;
        /** Only buckets whose slug begins so; what is sent is spelled as a slug is. */
        readonly slug_prefix?: string | undefined;
        readonly limit?: number | undefined;
        /** next_cursor of the page before. */
        readonly cursor?: string | undefined;
      } | undefined;
    };
    readonly answer: {
      readonly team_id: string;
      readonly buckets: readonly Bucket[];
      readonly next_cursor?: string | null | undefined;
      /** Id of this request. */
      readonly request_id: string;
    };
  };
  /** Make a bucket. Creates with create_missing_buckets make them too. A team may have 10000, archived ones too; one more is bucket_assignment_failed with details.limit. A slug that is taken is 409 conflict. Needs a key with the scope files:write. */
  readonly createBucket: {
    readonly input: {
      readonly body: {
        /** a-z, 0-9 and -, at most 63; capitals are lower-cased, a space and _ become -. */
        readonly slug: string;
        /** At most 255 characters; empty counts as absent. */
        readonly name?: string | null | undefined;
        /** At most 2000 characters; an empty one takes it away. */
        readonly description?: string | null | undefined;
      };
    };
    readonly answer: BucketChange & Answered;
  };
  /** One bucket. Needs a key with the scope files:read. */
  readonly getBucket: {
    readonly input: {
      readonly path: {
        readonly bucket_id: string;
      };
    };
    readonly answer: Bucket & Answered;
  };
  /** Rename, describe, archive a bucket, or bring it back. What is not given stays. An archived bucket takes no new upload and is searched no more from this answer on; uploads that were open before are still filed there. status active brings it back as it was. Needs a key with the scope files:write. */
  readonly changeBucket: {
    readonly input: {
      readonly path: {
        readonly bucket_id: string;
      };
      readonly body: {
        /** At most 255 characters; empty counts as absent. */
        readonly name?: string | null | undefined;
        /** At most 2000 characters; an empty one takes it away. */
        readonly description?: string | null | undefined;
        readonly status?: "active" | "archived" | null | undefined;
        /** May not be given: a bucket keeps its slug. */
        readonly slug?: string | null | undefined;
      };
    };
    readonly answer: BucketChange & Answered;
  };
  /** Delete a bucket. One that has files is 409 bucket_not_empty, unless force is true: then its files leave it, and those that are in no other bucket are deleted. Nobody sees them from this answer on; their bytes are removed after it. Needs a key with the scope files:write. */
  readonly deleteBucket: {
    readonly input: {
      readonly path: {
        readonly bucket_id: string;
      };
      readonly query?: {
        /** Default false: only an empty bucket is deleted. */
        readonly force?: boolean | undefined;
      } | undefined;
    };
    readonly answer: {
      readonly id: string;
      readonly status: "deleted";
      /** It had; free for another bucket now. */
      readonly slug?: string | undefined;
      /** Files that were in it. Those in no other bucket are deleted. */
      readonly files_removed?: number | undefined;
      /** Id of this request. */
      readonly request_id: string;
    };
  };
  /** Start the upload of one document. Chooses the buckets and returns a short-lived resumable upload_url. At most 5 a second and team. Send an Idempotency-Key to make retries safe. Needs a key with the scope files:write. */
  readonly createUploadSession: {
    readonly input: {
      readonly body: {
        /** 1 to 255 characters, no control characters. */
        readonly filename: string;
        /** Default application/octet-stream, which declares nothing. */
        readonly content_type?: string | null | undefined;
        /** Integer, 1 to 26214400. */
        readonly size_bytes: number;
        /** At most 512 characters; default: filename. */
        readonly title?: string | null | undefined;
        /** At most 20, each at most 64 characters. */
        readonly tags?: readonly string[] | null | undefined;
        /** At most 8192 bytes as JSON. */
        readonly metadata?: { readonly [name: string]: unknown } | null | undefined;
        readonly bucket_ids?: readonly string[] | null | undefined;
        readonly bucket_slugs?: readonly string[] | null | undefined;
        /** One slug, or one id. */
        readonly bucket?: string | null | undefined;
        /** Create slugs that do not exist. A team may have 10000 buckets; one more is bucket_assignment_failed with details.limit. */
        readonly create_missing_buckets?: boolean | null | undefined;
      };
    };
    readonly answer: {
      readonly session_id: string;
      readonly upload_strategy: "gcs_resumable";
      /** Absolute; PUT the bytes there. Whoever has it may write: keep it secret. */
      readonly upload_url: string;
      readonly expires_at: string;
      /** Id of this request. */
      readonly request_id: string;
    };
  };
  /** Make a file of the uploaded bytes and queue its indexing. Retry-safe: repeating it answers with the same file and task. Needs a key with the scope files:write. */
  readonly finalizeUploadSession: {
    readonly input: {
      readonly path: {
        readonly session_id: string;
      };
      readonly body?: {
        /** 64 hexadecimal digits; checked against the stored bytes. */
        readonly sha256?: string | null | undefined;
        /** Base64 of 4 big-endian bytes; checked against the stored bytes. */
        readonly crc32c?: string | null | undefined;
      } | null | undefined;
    };
    readonly answer: KnowledgeFile & Answered;
  };
  /** Your team's uploads, newest first. Ended ones are remembered for 7 days. Never shows an upload_url. Needs a key with the scope files:read. */
  readonly listUploadSessions: {
    readonly input: {
      readonly query?: {
        readonly status?: "open" | "received" | "finalized" | "expired" | "cancelled" | undefined;
        /** Default 50. */
        readonly limit?: number | undefined;
        /** next_cursor of the page before, with the same status. */
        readonly cursor?: string | undefined;
      } | undefined;
    };
    readonly answer: {
      readonly sessions: readonly UploadSession[];
      /** null at the end, and only there: a page before it may be short, or empty. */
      readonly next_cursor: string | null;
      /** Id of this request. */
      readonly request_id: string;
    };
  };
  /** The state of an upload. Never shows the upload_url: whoever has it may write. Needs a key with the scope files:read. */
  readonly getUploadSession: {
    readonly input: {
      readonly path: {
        readonly session_id: string;
      };
    };
    readonly answer: UploadSession & Answered;
  };
  /** Give an upload up. Repeatable. A finalized session is left as it is (409): delete its file instead. Needs a key with the scope files:write. */
  readonly cancelUploadSession: {
    readonly input: {
      readonly path: {
        readonly session_id: string;
      };
    };
    readonly answer: UploadSession & Answered;
  };
  /** Upload one document in one call. As multipart/form-data; the fields may stand before or behind the file. It counts as a create: at most 5 a second and team. Send an Idempotency-Key to make retries safe: the same key, fields and bytes give the same file. A connection that breaks begins again from the first byte: create an upload session for what has to be resumed. Needs a key with the scope files:write. */
  readonly uploadFile: {
    readonly input: { readonly [name: string]: never };
    readonly answer: KnowledgeFile & Answered;
  };
  /** Your team's files, newest first. Filters narrow each other. metadata.<key>=<value> compares with a top-level scalar's JSON text: metadata.year=2024 is the number, metadata.year="2024" the string. Deleted files appear only under status=deleted. Needs a key with the scope files:read. */
  readonly listFiles: {
    readonly input: {
      readonly query?: {
        /** A bucket's id or slug. */
        readonly bucket?: string | undefined;
        /** Repeat it: all of them must be there. */
        readonly tag?: readonly string[] | undefined;
        readonly status?: "queued" | "indexing" | "indexed" | "failed" | "deleted" | undefined;
        /** RFC 3339; exclusive. */
        readonly created_after?: string | undefined;
        /** Part of the file name or the title; ASCII letters in either case. */
        readonly name?: string | undefined;
        /** By the time of upload; default newest first. */
        readonly order?: "newest" | "oldest" | undefined;
        /** Default 50. */
        readonly limit?: number | undefined;
        /** next_cursor of the page before, with the same filters. */
        readonly cursor?: string | undefined;
      } | undefined;
    };
    readonly answer: {
      readonly files: readonly KnowledgeFile[];
      /** null at the end, and only there: a page before it may be short, or empty, when a filter matches rarely. */
      readonly next_cursor: string | null;
      /** Id of this request. */
      readonly request_id: string;
    };
  };
  /** Start the uploads of up to 100 documents. One request, which counts as one create. An item that is wrong is rejected and the others go on. Sent again with the same batch_idempotency_key and body, it answers with the same sessions; items whose sessions expired or were cancelled get new ones. A body has at most 4194304 bytes. Needs a key with the scope files:write. */
  readonly createUploadBatch: {
    readonly input: {
      readonly body: {
        readonly manifest: {
          /** 1. */
          readonly version: number;
          /** 1 to 255 printable ASCII characters; the batch's id follows from it. */
          readonly batch_idempotency_key: string;
          readonly bucket_ids?: readonly string[] | null | undefined;
          readonly bucket_slugs?: readonly string[] | null | undefined;
          /** One slug, or one id. */
          readonly bucket?: string | null | undefined;
          /** Create slugs that do not exist. */
          readonly create_missing_buckets?: boolean | null | undefined;
          /** One for each file. Its own bucket fields replace those of the manifest. */
          readonly items: readonly ({
            /** ^[A-Za-z0-9_.-]{1,128}$, not beginning with __; unique in the batch. */
            readonly client_file_id: string;
            /** What people read: the default of title. */
            readonly filename: string;
            readonly title?: string | undefined;
            readonly tags?: readonly string[] | undefined;
            readonly metadata?: { readonly [name: string]: unknown } | undefined;
            /** 1 to 255 printable ASCII characters. Makes the item the create that has this Idempotency-Key: whichever batch it stands in, or alone, it is one upload. */
            readonly idempotency_key?: string | undefined;
            readonly bucket_ids?: readonly string[] | undefined;
            readonly bucket_slugs?: readonly string[] | undefined;
            /** One slug, or one id. */
            readonly bucket?: string | undefined;
            /** Create slugs that do not exist. */
            readonly create_missing_buckets?: boolean | undefined;
          })[];
        };
        /** 1 to 100. Each as in a single create. */
        readonly files: readonly {
          /** ^[A-Za-z0-9_.-]{1,128}$, not beginning with __; unique in the batch. */
          readonly client_file_id: string;
          readonly filename: string;
          readonly content_type?: string | undefined;
          readonly size_bytes: number;
        }[];
      };
    };
    readonly answer: {
      readonly batch_id: string;
      readonly upload_strategy: "gcs_resumable";
      readonly accepted: readonly BatchSession[];
      readonly rejected: readonly BatchRejection[];
      /** Id of this request. */
      readonly request_id: string;
    };
  };
  /** Finalize what of a batch has been uploaded. Every accepted item is in one of the four lists: finalized now, replayed (finalized by an earlier call), pending (bytes are missing) or failed. Retry-safe. Needs a key with the scope files:write. */
  readonly finalizeUploadBatch: {
    readonly input: {
      readonly path: {
        readonly batch_id: string;
      };
      readonly body?: {
        /** finalize_uploaded, the only one and the default. */
        readonly mode?: string | null | undefined;
        /** By client_file_id, 64 hexadecimal digits each; checked against the stored bytes. An item whose bytes are others is in failed, and no file is made of it. */
        readonly sha256?: { readonly [name: string]: string } | null | undefined;
      } | null | undefined;
    };
    readonly answer: {
      readonly batch_id: string;
      readonly status: "finalized";
      readonly finalized: readonly {
        readonly client_file_id: string;
        readonly session_id: string;
        /** The file's id. */
        readonly knowledge_id: string;
        readonly task_id: string;
      }[];
      readonly pending: readonly {
        readonly client_file_id: string;
        readonly session_id: string;
        readonly received_bytes: number;
        readonly size_bytes: number;
      }[];
      readonly failed: readonly {
        readonly client_file_id: string;
        readonly session_id: string;
        readonly error: {
          readonly code: string;
          readonly message: string;
          readonly retryable: boolean;
          readonly details: { readonly [name: string]: unknown };
        };
      }[];
      readonly replayed: readonly {
        readonly client_file_id: string;
        readonly session_id: string;
        /** The file's id. */
        readonly knowledge_id: string;
        readonly task_id: string;
      }[];
      /** Id of this request. */
      readonly request_id: string;
    };
  };
  /** What became of a batch. status is accepted until nothing changes by itself any more: then active (all can be found), partially_failed (some failed or were rejected), partially_active (some were never uploaded, or deleted; the others are good) or failed (none is good). Remembered for 7 days from its last create or finalize. Needs a key with the scope files:read. */
  readonly getBatch: {
    readonly input: {
      readonly path: {
        readonly batch_id: string;
      };
      readonly query?: {
        /** Default false. */
        readonly include_items?: boolean | undefined;
      } | undefined;
    };
    readonly answer: Batch & Answered;
  };
  /** One file, now or when its status changes. With wait, the answer is held until status or task.status differs. Send the ETag as If-None-Match to get 304. Needs a key with the scope files:read. */
  readonly getFile: {
    readonly input: {
      readonly path: {
        readonly file_id: string;
      };
      readonly query?: {
        /** Seconds to hold the answer until the status changes, at most 60. The header "Prefer: wait=30" asks the same. While a team or key has very many answers held, further ones are held for a second. */
        readonly wait?: number | undefined;
      } | undefined;
    };
    readonly answer: KnowledgeFile & Answered;
  };
  /** Delete a file, in whatever state. Search finds it no more from this answer on; bytes, text and index entries are removed within a minute. Repeatable: ids, size and times stay for 30 days. Needs a key with the scope files:write. */
  readonly deleteFile: {
    readonly input: {
      readonly path: {
        readonly file_id: string;
      };
    };
    readonly answer: KnowledgeFile & Answered;
  };
  /** Change a file's title, tags, metadata or buckets. Each field that is given replaces the file's; the buckets of all three forms are the set that it is in afterwards. Searches see all of it from the same instant on. Needs a key with the scope files:write. */
  readonly changeFile: {
    readonly input: {
      readonly path: {
        readonly file_id: string;
      };
      readonly body: {
        /** At most 512 characters; empty counts as absent. */
        readonly title?: string | null | undefined;
        /** At most 20, each at most 64 characters. */
        readonly tags?: readonly string[] | null | undefined;
        /** At most 8192 bytes as JSON. */
        readonly metadata?: { readonly [name: string]: unknown } | null | undefined;
        readonly bucket_ids?: readonly string[] | null | undefined;
        readonly bucket_slugs?: readonly string[] | null | undefined;
        /** One slug, or one id. */
        readonly bucket?: string | null | undefined;
      };
    };
    readonly answer: FileChange & Answered;
  };
  /** Read and index the same bytes again. An indexed file stays indexed until the new index takes over. While a task is under way, it is this one. Needs a key with the scope files:write. */
  readonly reindexFile: {
    readonly input: {
      readonly path: {
        readonly file_id: string;
      };
    };
    readonly answer: FileChange & Answered;
  };
  /** Delete files by what they have in common, at most 1000 a call. Filters narrow each other; at least one is needed. With dry_run nothing is deleted. Call again with next_cursor until it is null. Needs a key with the scope files:write. */
  readonly deleteFiles: {
    readonly input: {
      readonly body: {
        readonly filter: {
          /** A bucket's id or slug. */
          readonly bucket?: string | null | undefined;
          /** One, or several that must all be there. */
          readonly tag?: string | readonly string[] | null | undefined;
          readonly status?: "queued" | "indexing" | "indexed" | "failed" | null | undefined;
          /** Pairs that must be equal, scalars only. */
          readonly metadata?: { readonly [name: string]: unknown } | null | undefined;
          /** RFC 3339; exclusive. */
          readonly created_before?: string | null | undefined;
          /** Only these files; at most 1000. */
          readonly file_ids?: readonly string[] | null | undefined;
        };
        /** Default false. */
        readonly dry_run?: boolean | null | undefined;
        /** next_cursor of the call before, with the same filter. */
        readonly cursor?: string | null | undefined;
      };
    };
    readonly answer: {
      readonly matched: number;
      readonly deleted: number;
      readonly dry_run: boolean;
      /** null: nothing more matched. */
      readonly next_cursor: string | null;
      /** Id of this request. */
      readonly request_id: string;
    };
  };
  /** The files of one bucket, newest first. As the list of all files, with the same filters but for bucket. Needs a key with the scope files:read. */
  readonly listBucketFiles: {
    readonly input: {
      readonly path: {
        readonly bucket_id: string;
      };
      readonly query?: {
        /** Repeat it: all of them must be there. */
        readonly tag?: readonly string[] | undefined;
        readonly status?: "queued" | "indexing" | "indexed" | "failed" | "deleted" | undefined;
        /** RFC 3339; exclusive. */
        readonly created_after?: string | undefined;
        /** Part of the file name or the title; ASCII letters in either case. */
        readonly name?: string | undefined;
        /** By the time of upload; default newest first. */
        readonly order?: "newest" | "oldest" | undefined;
        /** Default 50. */
        readonly limit?: number | undefined;
        /** next_cursor of the page before, with the same filters. */
        readonly cursor?: string | undefined;
      } | undefined;
    };
    readonly answer: {
      readonly files: readonly KnowledgeFile[];
      /** null at the end, and only there: a page before it may be short, or empty, when a filter matches rarely. */
      readonly next_cursor: string | null;
      /** Id of this request. */
      readonly request_id: string;
    };
  };
  /** The original bytes. An attachment; Range, If-Range and If-None-Match are understood. The ETag is the SHA-256. Damaged bytes are never sent. Needs a key with the scope files:read. */
  readonly getFileContent: {
    readonly input: {
      readonly path: {
        readonly file_id: string;
      };
    };
    readonly answer: null;
  };
  /** The extracted text, page by page. Search results' char_start and char_end count UTF-16 code units of these texts. Needs a key with the scope files:read. */
  readonly getFileText: {
    readonly input: {
      readonly path: {
        readonly file_id: string;
      };
      readonly query?: {
        /** One page, from 1. */
        readonly page?: number | undefined;
      } | undefined;
    };
    readonly answer: {
      readonly file_id: string;
      readonly file_version: number;
      readonly pages: readonly {
        /** From 1. */
        readonly page: number;
        /** The page's own name. */
        readonly label: string | null;
        readonly text: string;
      }[];
      /** Id of this request. */
      readonly request_id: string;
    };
  };
  /** Your team's indexing tasks, newest first. Needs a key with the scope files:read. */
  readonly listTasks: {
    readonly input: {
      readonly query?: {
        /** indexed, failed and cancelled are final. */
        readonly status?: "queued" | "indexing" | "indexed" | "failed" | "cancelled" | undefined;
        /** Default 50. */
        readonly limit?: number | undefined;
        /** next_cursor of the page before, with the same status. */
        readonly cursor?: string | undefined;
      } | undefined;
    };
    readonly answer: {
      readonly tasks: readonly Task[];
      /** null at the end, and only there: a page before it may be short, or empty. */
      readonly next_cursor: string | null;
      /** Id of this request. */
      readonly request_id: string;
    };
  };
  /** One indexing task. With ?wait=30 the answer is held until the status changes. Needs a key with the scope files:read. */
  readonly getTask: {
    readonly input: {
      readonly path: {
        readonly task_id: string;
      };
      readonly query?: {
        /** Seconds to hold the answer until the status changes, at most 60. The header "Prefer: wait=30" asks the same. While a team or key has very many answers held, further ones are held for a second. */
        readonly wait?: number | undefined;
      } | undefined;
    };
    readonly answer: Task & Answered;
  };
  /** Stop an indexing task. The file becomes failed with error.code cancelled, unless it is indexed already: then it stays as it is. Again: the same answer. Needs a key with the scope files:write. */
  readonly cancelTask: {
    readonly input: {
      readonly path: {
        readonly task_id: string;
      };
    };
    readonly answer: {
      readonly id: string;
      readonly object: "knowledge_indexing_task";
      readonly type: "index";
      /** indexed, failed and cancelled are final. */
      readonly status: "queued" | "indexing" | "indexed" | "failed" | "cancelled";
      /** Where the work is, or where it ended. */
      readonly stage?: "waiting" | "extracting" | "chunking" | "indexing" | "activating" | undefined;
      /** Counts what went wrong with the file itself, not restarts of the server. */
      readonly attempt?: number | undefined;
      readonly max_attempts?: number | undefined;
      /** Set while the task waits after something went wrong. */
      readonly next_attempt_at?: string | null | undefined;
      /** Place among your team's own waiting tasks, from 1, counted up to 1000. */
      readonly queue_position?: number | null | undefined;
      readonly progress?: {
        readonly done: number;
        readonly total: number | null;
        readonly unit: "pages" | "chunks";
      } | null | undefined;
      /** What went wrong last. While the status is not failed, the task goes on by itself. */
      readonly error?: {
        readonly code: string;
        readonly message: string;
      } | null | undefined;
      readonly created_at?: string | undefined;
      readonly updated_at?: string | undefined;
      readonly finished_at?: string | null | undefined;
      readonly file_id: string;
      /** Id of this request. */
      readonly request_id: string;
    };
  };
  /** Start a failed or cancelled task again. The same task goes back to the queue with all its attempts. Needs a key with the scope files:write. */
  readonly retryTask: {
    readonly input: {
      readonly path: {
        readonly task_id: string;
      };
    };
    readonly answer: {
      readonly id: string;
      readonly object: "knowledge_indexing_task";
      readonly type: "index";
      /** indexed, failed and cancelled are final. */
      readonly status: "queued" | "indexing" | "indexed" | "failed" | "cancelled";
      /** Where the work is, or where it ended. */
      readonly stage?: "waiting" | "extracting" | "chunking" | "indexing" | "activating" | undefined;
      /** Counts what went wrong with the file itself, not restarts of the server. */
      readonly attempt?: number | undefined;
      readonly max_attempts?: number | undefined;
      /** Set while the task waits after something went wrong. */
      readonly next_attempt_at?: string | null | undefined;
      /** Place among your team's own waiting tasks, from 1, counted up to 1000. */
      readonly queue_position?: number | null | undefined;
      readonly progress?: {
        readonly done: number;
        readonly total: number | null;
        readonly unit: "pages" | "chunks";
      } | null | undefined;
      /** What went wrong last. While the status is not failed, the task goes on by itself. */
      readonly error?: {
        readonly code: string;
        readonly message: string;
      } | null | undefined;
      readonly created_at?: string | undefined;
      readonly updated_at?: string | undefined;
      readonly finished_at?: string | null | undefined;
      readonly file_id: string;
      /** Id of this request. */
      readonly request_id: string;
    };
  };
  /** Find passages. Passages that hold one of the query's words, best first, of files that are active in a searched bucket. No character is an operator. Needs a key with the scope search. */
  readonly search: {
    readonly input: {
      readonly body: {
        /** 1 to 2000 characters. */
        readonly query: string;
        readonly bucket_ids?: readonly string[] | null | undefined;
        readonly bucket_slugs?: readonly string[] | null | undefined;
        /** One slug, or one id. Without any of the three forms all active buckets are searched. */
        readonly bucket?: string | null | undefined;
        readonly filters?: {
          /** A file must have all of them. */
          readonly tags?: readonly string[] | null | undefined;
          /** Only these files; at most 1000. */
          readonly file_ids?: readonly string[] | null | undefined;
          /** Pairs that must be equal, scalars only. May match at most 1000 files. */
          readonly metadata?: { readonly [name: string]: unknown } | null | undefined;
        } | null | undefined;
        /** 1 to 100, default 10. */
        readonly limit?: number | null | undefined;
        /** keyword, semantic or hybrid; the best available by default. This server has keyword. */
        readonly mode?: string | null | undefined;
      };
    };
    readonly answer: SearchAnswer & Answered;
  };
  /** Ask a question. Answers from the team's documents, with citations. Words come from the chat server that the operator named, or are quoted. With stream: true the answer is text/event-stream in OpenAI's order of events. Needs a key with the scope search. */
  readonly createResponse: {
    readonly input: {
      readonly body: {
        /** As GET /v1/rag-agent/models lists them; default calypso-rag-agent. */
        readonly model?: string | null | undefined;
        /** A text; or messages {role, content}; or parts {type: "input_text", text} and {type: "input_file", file_id}, which restrict the answer to those files. */
        readonly input: unknown;
        readonly stream?: boolean | null | undefined;
        /** Default true: kept for 30 days, for GET and for the conversation. */
        readonly store?: boolean | null | undefined;
        /** Comes back with the answer; may nest. */
        readonly metadata?: { readonly [name: string]: unknown } | null | undefined;
        /** An id, or {id}. */
        readonly conversation?: unknown | undefined;
        /** The response before; one that is not known is none. */
        readonly previous_response_id?: string | null | undefined;
        /** For the chat server, after the profile's. */
        readonly instructions?: string | null | undefined;
      };
    };
    readonly answer: Answer & Answered;
  };
  /** One response. Needs a key with the scope search. */
  readonly getResponse: {
    readonly input: {
      readonly path: {
        readonly response_id: string;
      };
    };
    readonly answer: Answer & Answered;
  };
  /** Forget a response. Needs a key with the scope search. */
  readonly deleteResponse: {
    readonly input: {
      readonly path: {
        readonly response_id: string;
      };
    };
    readonly answer: {
      readonly id: string;
      readonly object: "response";
      readonly deleted: true;
      /** Id of this request. */
      readonly request_id: string;
    };
  };
  /** Make a named agent. Needs a key with the scope admin. */
  readonly createProfile: {
    readonly input: {
      readonly body: {
        /** 1 to 63 of a-z, 0-9 and -; the model is calypso-rag-agent:{profile_id}. */
        readonly profile_id: string;
        /** At most 255 characters. */
        readonly name?: string | null | undefined;
        /** At most 20 buckets that it answers from; none = all active ones. */
        readonly bucket_ids?: readonly string[] | null | undefined;
        /** For the chat server, at most 4000 characters. */
        readonly instructions?: string | null | undefined;
        readonly enabled?: boolean | null | undefined;
      };
    };
    readonly answer: AgentProfile & Answered;
  };
  /** The team's named agents. Needs a key with the scope admin. */
  readonly listProfiles: {
    readonly input: { readonly [name: string]: never };
    readonly answer: {
      readonly data: readonly AgentProfile[];
      /** Id of this request. */
      readonly request_id: string;
    };
  };
  /** One named agent. Needs a key with the scope admin. */
  readonly getProfile: {
    readonly input: {
      readonly path: {
        readonly profile_id: string;
      };
    };
    readonly answer: AgentProfile & Answered;
  };
  /** Change a named agent. Replaces each field that is given. Needs a key with the scope admin. */
  readonly updateProfile: {
    readonly input: {
      readonly path: {
        readonly profile_id: string;
      };
      readonly body: {
        /** At most 255 characters. */
        readonly name?: string | null | undefined;
        /** At most 20 buckets that it answers from; none = all active ones. */
        readonly bucket_ids?: readonly string[] | null | undefined;
        /** For the chat server, at most 4000 characters. */
        readonly instructions?: string | null | undefined;
        readonly enabled?: boolean | null | undefined;
      };
    };
    readonly answer: AgentProfile & Answered;
  };
  /** Remove a named agent. Its model answers 404 from now on; conversations stay. Needs a key with the scope admin. */
  readonly deleteProfile: {
    readonly input: {
      readonly path: {
        readonly profile_id: string;
      };
    };
    readonly answer: {
      readonly profile_id: string;
      readonly deleted: true;
      /** Id of this request. */
      readonly request_id: string;
    };
  };
  /** The models that may be asked, in OpenAI's shape. Needs a key with the scope search. */
  readonly listOpenAiModels: {
    readonly input: { readonly [name: string]: never };
    readonly answer: {
      readonly object: "list";
      readonly data: readonly {
        /** calypso-rag-agent, or calypso-rag-agent:{profile_id}. */
        readonly id: string;
        readonly object: "model";
        /** Unix seconds; 0 of the model that every team has. */
        readonly created: number;
        readonly owned_by: "wharf";
      }[];
      /** Id of this request. */
      readonly request_id: string;
    };
  };
  /** The models that may be asked. Needs a key with the scope search. */
  readonly listModels: {
    readonly input: { readonly [name: string]: never };
    readonly answer: {
      readonly object: "rag_agent_model_list";
      readonly team_id: string;
      readonly data: readonly AgentModel[];
      /** Id of this request. */
      readonly request_id: string;
    };
  };
};

/** Every code that the API refuses with, its status, and whether the same request can succeed later. */
export type ErrorCatalogue = {
  /** The request is not valid; details.field names what to change. */
  readonly invalid_request: { readonly status: 400; readonly retryable: false };
  /** Name a bucket: give bucket, bucket_slugs or bucket_ids. */
  readonly bucket_required: { readonly status: 400; readonly retryable: false };
  /** Some buckets do not exist or are archived; details.unresolved lists them. Correct them, or send create_missing_buckets: true to have missing slugs created. */
  readonly bucket_assignment_failed: { readonly status: 400; readonly retryable: false };
  /** size_bytes must be an integer of at least 1. */
  readonly invalid_size: { readonly status: 400; readonly retryable: false };
  /** filename must have 1 to 255 characters and no control characters or unpaired surrogates. */
  readonly invalid_filename: { readonly status: 400; readonly retryable: false };
  /** metadata is too large; make its JSON text smaller. */
  readonly metadata_too_large: { readonly status: 400; readonly retryable: false };
  /** There are too many tags; send fewer. */
  readonly too_many_tags: { readonly status: 400; readonly retryable: false };
  /** Send one Idempotency-Key header of 1 to 255 printable ASCII characters, bare or in double quotes. */
  readonly invalid_idempotency_key: { readonly status: 400; readonly retryable: false };
  /** A batch holds at most 100 files; split it. */
  readonly batch_too_large: { readonly status: 400; readonly retryable: false };
  /** Each client_file_id may occur once in items and once in files. */
  readonly duplicate_client_file_id: { readonly status: 400; readonly retryable: false };
  /** client_file_id must match ^[A-Za-z0-9_.-]{1,128}$ and must not start with __. */
  readonly invalid_client_file_id: { readonly status: 400; readonly retryable: false };
  /** Each client_file_id must occur in manifest.items and in files. */
  readonly missing_file_parts: { readonly status: 400; readonly retryable: false };
  /** manifest.version must be 1. */
  readonly unsupported_manifest_version: { readonly status: 400; readonly retryable: false };
  /** That mode is not available; details.available lists those that are. */
  readonly invalid_mode: { readonly status: 400; readonly retryable: false };
  /** Send a valid project API key: Authorization: Bearer sk_… (wharf keys create makes one). */
  readonly invalid_api_key: { readonly status: 401; readonly retryable: false };
  /** This key may not do that; use a key that has the scope in details.required. */
  readonly forbidden_scope: { readonly status: 403; readonly retryable: false };
  /** Pages of another origin may not call this address: call it from a program, which sends no Origin header. */
  readonly forbidden_origin: { readonly status: 403; readonly retryable: false };
  /** There is no such upload session; check the id, or create a session. */
  readonly session_not_found: { readonly status: 404; readonly retryable: false };
  /** There is no such file; check the id. */
  readonly file_not_found: { readonly status: 404; readonly retryable: false };
  /** There is no such task; check the id. */
  readonly task_not_found: { readonly status: 404; readonly retryable: false };
  /** There is no such batch; check the id. */
  readonly batch_not_found: { readonly status: 404; readonly retryable: false };
  /** There is no such bucket; check the id. */
  readonly bucket_not_found: { readonly status: 404; readonly retryable: false };
  /** There is no such response: it was deleted, not stored, or is older than 30 days. */
  readonly response_not_found: { readonly status: 404; readonly retryable: false };
  /** There is no such agent profile; check its profile_id. */
  readonly profile_not_found: { readonly status: 404; readonly retryable: false };
  /** There is no such model, or its profile is disabled; GET /v1/rag-agent/models lists the models. */
  readonly model_not_found: { readonly status: 404; readonly retryable: false };
  /** There is nothing at this address; /docs lists the routes. */
  readonly not_found: { readonly status: 404; readonly retryable: false };
  /** This address does not take that method; the Allow header lists those it takes. */
  readonly method_not_allowed: { readonly status: 405; readonly retryable: false };
  /** The bytes are not all here yet; PUT the rest to upload_url, then finalize again. details.received_bytes says how many are. */
  readonly upload_incomplete: { readonly status: 409; readonly retryable: true };
  /** The first request with this key is still running; try again shortly. */
  readonly idempotency_in_progress: { readonly status: 409; readonly retryable: true };
  /** The bucket still has files; move or delete them, or send ?force=true. */
  readonly bucket_not_empty: { readonly status: 409; readonly retryable: false };
  /** The object is in a state that does not allow this. */
  readonly conflict: { readonly status: 409; readonly retryable: false };
  /** The upload session has expired; create a new one and upload again. */
  readonly session_expired: { readonly status: 410; readonly retryable: false };
  /** The upload session was cancelled; create a new one and upload again. */
  readonly session_cancelled: { readonly status: 410; readonly retryable: false };
  /** The file is too large; details.max_bytes is the limit. */
  readonly file_too_large: { readonly status: 413; readonly retryable: false };
  /** The request body is too large; details.max_bytes is the limit. */
  readonly request_too_large: { readonly status: 413; readonly retryable: false };
  /** Send the body in UTF-8, as Content-Type: application/json. */
  readonly unsupported_content_type: { readonly status: 415; readonly retryable: false };
  /** The range lies outside the file; Content-Range names its size. */
  readonly range_not_satisfiable: { readonly status: 416; readonly retryable: false };
  /** This Idempotency-Key was used with another body. Use a new key, or give up the first upload with DELETE /v1/knowledge/files/upload-session/{id} (details.session_id). */
  readonly idempotency_key_reused: { readonly status: 422; readonly retryable: false };
  /** The stored bytes do not have that checksum. Give the upload up with DELETE /v1/knowledge/files/upload-session/{id}, then create a session and send the file again. */
  readonly checksum_mismatch: { readonly status: 422; readonly retryable: false };
  /** Too many creates in one second; wait Retry-After seconds and try again. */
  readonly rate_limited: { readonly status: 429; readonly retryable: true };
  /** Something went wrong on the server; try again, and report the request_id if it persists. */
  readonly internal: { readonly status: 500; readonly retryable: true };
  /** The stored bytes no longer match their checksum and are not served. Send the file again. */
  readonly integrity_error: { readonly status: 500; readonly retryable: true };
  /** Storage does not answer right now; try again after Retry-After seconds. */
  readonly storage_unavailable: { readonly status: 503; readonly retryable: true };
  /** The server is at a limit; try again after Retry-After seconds. */
  readonly overloaded: { readonly status: 503; readonly retryable: true };
  /** The chat server that writes answers does not answer as it should. The question was not lost: ask it again later. The operator finds the reason in the server's log. */
  readonly model_unavailable: { readonly status: 503; readonly retryable: true };
  /** The server is shutting down; try again after Retry-After seconds. */
  readonly shutting_down: { readonly status: 503; readonly retryable: true };
  /** The server's disk is nearly full; the operator must free space. Try again later. */
  readonly storage_full: { readonly status: 507; readonly retryable: true };
};
