import { GCS_ROWS } from "./gcs-rows.ts";

/**
 * Every sentence that the suite must prove, by id. A test cites ids in its name; `requirements.test.ts` fails when a
 * sentence has no test. The contract's words are in docs/contract.md, the rows of the byte end-point (gcs-rows.ts) in
 * docs/byte-endpoint.md; these lines say which one is meant.
 */
export const CONTRACT = {
  "ALL-1":
    "Everything lives under /v1, except /healthz, /readyz, /metrics, /openapi.json, /docs, /mcp and the dashboard.",
  "ALL-2":
    "Authorization: Bearer sk_…, or the dashboard's cookie on its page's routes; the team is theirs, never a parameter.",
  "ALL-3": "upload_url needs no Authorization and is never logged or kept in plaintext.",
  "ALL-4":
    "Success bodies are application/json; charset=utf-8; every JSON body and X-Request-Id name the current request.",
  "ALL-5": "Errors are {error:{code,message,retryable,details},request_id}; problem+json when Accept prefers it.",
  "ALL-6": "Ids have their prefix; a foreign or malformed id answers exactly like an absent one.",
  "ALL-7": "metadata is always an object in answers.",
  "ALL-8": "Times are RFC 3339 UTC with Z; sizes are integer bytes.",
  "ALL-9":
    "Unknown fields are ignored, wrong types are 400 naming the field; size, depth, UTF-8, NUL, __proto__ are limited.",
  "ALL-10": "A call outside the key's scopes is 403 forbidden_scope with details.required.",
  "CRE-1": "The bucket forms are a union, de-duplicated, at most 20.",
  "CRE-2": "No bucket: 400 bucket_required.",
  "CRE-3": "An unresolved bucket: 400 bucket_assignment_failed, details.unresolved, and nothing is created.",
  "CRE-4": "Two concurrent creates of one slug make one bucket.",
  "CRE-5": "Slugs are lower-cased, spaces and _ become -.",
  "IDE-1": "Scope is (team, operation, key); quoted and bare are the same key; malformed ones are 400.",
  "IDE-2": "Same key, same body: the same session, a working URL, Idempotent-Replayed, expires_at renewed.",
  "IDE-3": "Same key, other body: 422 idempotency_key_reused with details.session_id.",
  "IDE-4": "First request still running: 409 idempotency_in_progress.",
  "IDE-5": "Keys and their sessions live 7 days from their last use.",
  "IDE-6": "A replay after finalize answers with the same session and an inert URL; never a second file.",
  "IDE-7": "Failures are not remembered.",
  "IDE-8": "A key whose session expired or was cancelled starts afresh, whatever the body.",
  "LIM-1": "5 creates in any sliding second and team, never a refusal below that.",
  "LIM-2": "Every create answer that reached the transaction carries RateLimit and RateLimit-Policy.",
  "LIM-3": "A batch create counts as one.",
  "LIM-4": "An operator may set other limits; errors and headers name those.",
  "LIM-5": "The limit lives in the create transaction: restarts do not soften it; the order of checks ends with it.",
  "PUT-1": "A whole body, with range or without: 200 and the resource, never 308, never a Location.",
  "PUT-2": "A part with more to come: 308, empty, Range, no Location.",
  "PUT-3": "A probe: 308, or 200 when complete; bytes */N with everything kept completes.",
  "PUT-4": "Open ranges, chunked: the end of the body is the end of the object; a truncated body never completes it.",
  "PUT-5": "Kept bytes are immutable: the known part is skipped, the rest appended.",
  "PUT-6": "A part beyond the kept size: 503 text/plain; nothing kept, session alive.",
  "PUT-7": "A non-final part under 256 KiB: 400; unaligned: cut down; one that reaches the declared size is exempt.",
  "PUT-8": "Totals or lengths that disagree: 400, never a file of another size.",
  "PUT-9": "A cut connection: whole 256 KiB units count, and the probe says how many.",
  "PUT-10": "Every PUT, POST and probe after completion: 200 and the same resource.",
  "PUT-11": "A digest that does not match: 400, kept bytes dropped, the session open; from 0 it works.",
  "PUT-12": "DELETE: 499, and 499 afterwards; after completion 405.",
  "PUT-13": "A dead URL: expired 410; unknown or tampered 404, the same answer whatever was wrong.",
  "PUT-14": "A second data request takes over; the two never interleave; probes never take over.",
  "PUT-15": "Preflight and every answer carry CORS, and Range is exposed.",
  "PUT-16": "A malformed Content-Range: 400, never 500.",
  "PUT-17": "100 only when the PUT would be accepted; else the final answer at once, readable while sending.",
  "PUT-18": "A finalized session: 200 and the same resource whatever its expiry; DELETE 405.",
  "PUT-19":
    "No byte for 30 s or under 512 B/s over 60 s: cut; a steady faster upload never is; records renew expires_at.",
  "PUT-20": "Disk below its reserve: 503 text/plain with Retry-After before the body is read.",
  "FIN-1": "201: bytes re-read and hashed, file, task and session in one durable transaction.",
  "FIN-2": "Repeats answer 201 with the same ids, under 50 at once, and after the file was deleted.",
  "FIN-3": "Bytes missing: 409 upload_incomplete; all bytes kept is complete.",
  "FIN-4": "Expired: 410, never for a finalized session; a complete one may be finalized for 24 h.",
  "FIN-5": "Wrong digest: 422 checksum_mismatch, also on a repeat; the session stays.",
  "FIN-6": "queued means accepted, not retrievable.",
  "POL-1": "Status words are exactly those that clients know.",
  "POL-2": "indexed, active and findable change in the same instant.",
  "POL-3": "A file object says why it is not done.",
  "POL-4": "From finalize to indexed stays far below 148 s.",
  "POL-5": "?wait holds the answer until status changes; at once when terminal; 304 with If-None-Match.",
  "POL-6": "Weak ETag over the body without request_id; If-None-Match gives 304.",
  "BUC-1": "The listing has the published shape; active ones unless include_archived.",
  "BUC-2": "POST makes a bucket, GET shows it; a slug that is taken is 409 conflict.",
  "BUC-3": "PATCH changes what is given.",
  "BUC-4": "Archived: no new session, out of search at once; open uploads are still filed there.",
  "BUC-5": "DELETE of a bucket with files is 409 unless force; then they leave it, unseen at once.",
  "BUC-6": "GET …/{id}/files lists its members.",
  "BUC-7": "Id lists are capped and fileIdsTruncated says so; a team's buckets have a limit.",
  "FIL-1": "Files are listed newest first, filtered, in pages.",
  "FIL-2": "One file.",
  "FIL-3": "PATCH replaces title, tags, metadata and buckets; search follows in the same instant.",
  "FIL-4": "DELETE takes a file out of search at once and leaves a tombstone.",
  "FIL-5": "The content is the original, as an attachment, by ranges.",
  "FIL-6": "The text by page.",
  "FIL-7": "Reindex is 202 with the file, which stays indexed meanwhile.",
  "FIL-8": "files:delete deletes what a filter matches, at most 1 000 a call; an empty filter is 400.",
  "FIL-9": "A session shows its state and never its URL; DELETE gives it up.",
  "FIL-10": "Tasks are cancelled and retried.",
  "CON-1": "GET /v1/connection says which team and key; 401 for a bad key.",
  "CON-2": "POST /v1/knowledge/files as multipart makes a file in one call, as a create does, with an Idempotency-Key.",
  "LST-1": "Tasks and upload sessions are listed, filtered by status, in pages.",
  "BAT-1": "1 to 100 files a batch.",
  "BAT-2": "client_file_id: form, uniqueness, once in items and once in files.",
  "BAT-3": "The two filenames may differ.",
  "BAT-4": "An item's own bucket fields replace the shared ones.",
  "BAT-5": "No shared bucket and an unbucketed item: 400 bucket_required.",
  "BAT-6": "Other per-item faults reject that item only.",
  "BAT-7": "201 with batch_id, accepted and rejected.",
  "BAT-8": "The batch id is derived; the same body replays, another is 422.",
  "BAT-9": "?dry_run=true creates nothing.",
  "BAT-10": "Items whose sessions ended unfinalized get new ones when the batch is sent again.",
  "BAT-11": "An item with an idempotency_key is the create that has it; finalize checks digests that are given.",
  "AGT-1": "Models answer within 2 s, with a cold catalogue too, without asking the chat server.",
  "AGT-2": "The default model has all active buckets; profiles are named models, made with scope admin.",
  "AGT-3": "A response has the members that the published clients read; JSON unless stream is true.",
  "AGT-4": "A citation is an annotation with its place, file, page and range, and stands in the text as [1].",
  "AGT-5": "stream: true gives OpenAI's order of events; a failure in the middle is an error event.",
  "AGT-6": "Earlier turns come back; responses are read, deleted, forgotten, and blanked when a file goes.",
  "AGT-7": "Errors carry detail; unknown models are 404, a chat server that fails 503; passages are data.",
  "AGT-8": "Every citation cites what was given; numbers are in order; [DONE] has no event line.",
} as const;

export type RequirementId = keyof typeof CONTRACT | keyof typeof GCS_ROWS;

/** Sentences without a test for now, each with the reason. */
export const LATER: Readonly<Partial<Record<RequirementId, string>>> = {
  "IDE-4": "can only occur where create makes a foreign call; comes with Google Cloud Storage",
};

/**
 * Rules of our own end-point that Google's does not have: skipped when `upload_url` is Google's. All of section A
 * without a source, the choices that Google leaves open, and PUT-11's reset, PUT-13's expiry, PUT-14, PUT-18,
 * PUT-19, PUT-20.
 */
export const EMBEDDED_ONLY: ReadonlySet<RequirementId> = new Set<RequirementId>([
  ...([
    "S5",
    "S7",
    "P14",
    "P24",
    "P25",
    "P27",
    "K4",
    "K12",
    "K17",
    "Q7",
    "Q8",
    "O9",
    "O10",
    "O11",
    "O12",
    "O13",
  ] as const),
  ...(["X3", "X4", "X5", "X6", "X7", "L4", "L5", "L9", "L13", "L14", "L16", "L17", "C3", "C4", "C8", "C9"] as const),
  ...(["A1", "A2", "A3", "A4", "A5", "A6", "A7", "A8", "A9", "A10", "A11", "A12", "A13", "A14", "A15"] as const),
  ...(["A16", "A17", "A18", "A19", "A20", "A21", "A22", "A23", "A24", "A25", "A26"] as const),
  ...(["PUT-11", "PUT-13", "PUT-14", "PUT-18", "PUT-19", "PUT-20"] as const),
]);

/** All ids that a test must cite, each with its sentence. */
export function requirementsInScope(): readonly (readonly [id: string, sentence: string])[] {
  return Object.entries({ ...CONTRACT, ...GCS_ROWS }).filter(([id]) => !Object.hasOwn(LATER, id));
}
