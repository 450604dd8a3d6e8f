import { Wharf } from "../../../sdk/src/index.ts";
import { type Api, addressOf, messageOf, secondsToWait } from "../api.ts";
import { objectOf, textOf } from "../json.ts";
import { Store } from "../store.ts";
import { fileOf, type WatchedFile } from "../wire.ts";
import type { Dropped } from "./dropped.ts";

/**
 * waiting → reading → sending → checking → watching; `watching` is for the server to end. `failed` and `cancelled` are
 * taken up again by a retry, or by dropping the same file again.
 */
export type UploadState = "waiting" | "reading" | "sending" | "checking" | "watching" | "failed" | "cancelled";

export interface Upload {
  readonly id: number;
  readonly path: string;
  readonly bucket: string;
  readonly sizeBytes: number;
  readonly state: UploadState;
  readonly sentBytes: number;
  readonly sessionId: string;
  readonly fileId: string;
  /** Why it failed, or what it waits for. */
  readonly says: string;
}

/** Browsers have six connections for a server: what watches needs some as well. */
const AT_ONCE = 3;
const SHOW_EVERY_MS = 100;
/** Since its last progress: a server that is away is waited for over a lunch. */
const RETRY_FOR_MS = 3_600_000;

interface Job {
  upload: Upload;
  readonly file: File;
  stop: AbortController;
}

/** Everything that was dropped since the page was opened. */
export class Uploads {
  readonly list = new Store<readonly Upload[]>([]);
  readonly #api: Api;
  readonly #onFile: (file: WatchedFile) => void;
  readonly #jobs = new Map<number, Job>();
  /** Which of them a file is that is dropped again. */
  readonly #known = new Map<string, number>();
  #waiting: number[] = [];
  #running = 0;
  #nextId = 1;
  #shown = false;

  /** `onFile`: what a finalize answered. */
  constructor(api: Api, onFile: (file: WatchedFile) => void) {
    this.#api = api;
    this.#onFile = onFile;
  }

  get isBusy(): boolean {
    return this.#running > 0 || this.#waiting.length > 0;
  }

  /** Files that are on their way already are left to it; one that failed or was cancelled begins again. */
  add(dropped: readonly Dropped[], bucket: string): void {
    for (const { file, path } of dropped) {
      const identity = JSON.stringify([bucket, path, file.size, file.lastModified]);
      const same = this.#jobs.get(this.#known.get(identity) ?? 0);
      if (same !== undefined && same.upload.state !== "watching") {
        this.retry(same.upload.id);
        continue;
      }
      if (same !== undefined) this.#jobs.delete(same.upload.id);
      const id = this.#nextId++;
      const upload: Upload = {
        ...{
          id,
          path,
          bucket,
          sizeBytes: file.size,
          state: "waiting",
          sentBytes: 0,
          sessionId: "",
          fileId: "",
          says: "",
        },
      };
      this.#known.set(identity, id);
      this.#jobs.set(id, { upload, file, stop: new AbortController() });
      const refusal = this.#refusalOf(file);
      if (refusal === null) this.#waiting.push(id);
      else this.#change(id, { state: "failed", says: refusal });
    }
    this.#show();
    this.#pump();
  }

  retry(id: number): void {
    const job = this.#jobs.get(id);
    if (job === undefined || (job.upload.state !== "failed" && job.upload.state !== "cancelled")) return;
    const refusal = this.#refusalOf(job.file);
    if (refusal !== null) {
      this.#change(id, { says: refusal });
      return;
    }
    job.stop = new AbortController();
    this.#change(id, { state: "waiting", says: "" });
    this.#waiting.push(id);
    this.#pump();
  }

  /** Also on the server, whose bytes go. A file that is made already is cancelled where it is watched. */
  cancel(id: number): void {
    const job = this.#jobs.get(id);
    if (job === undefined || job.upload.fileId !== "") return;
    job.stop.abort(new DOMException("cancelled", "AbortError"));
    this.#waiting = this.#waiting.filter((waiting) => waiting !== id);
    this.#change(id, { state: "cancelled", says: "" });
    const { sessionId } = job.upload;
    if (sessionId !== "")
      void this.#api.json("DELETE", `v1/knowledge/files/upload-session/${sessionId}`).catch(() => {});
  }

  /** Takes off the list what is over; files stay on the server. */
  clear(isOver: (upload: Upload) => boolean): void {
    for (const [id, { upload }] of this.#jobs) if (isOver(upload)) this.#jobs.delete(id);
    this.#show();
  }

  /** What is under way goes nowhere any more; what the server has of it expires there. */
  forget(): void {
    for (const { stop } of this.#jobs.values()) stop.abort(new DOMException("forgotten", "AbortError"));
    this.#jobs.clear();
    this.#known.clear();
    this.#waiting = [];
    this.list.set([]);
  }

  #refusalOf(file: File): string | null {
    const most = this.#api.me.value?.maxFileBytes ?? 0;
    if (file.size === 0) return "The file is empty: there is nothing to find in it.";
    if (most > 0 && file.size > most)
      return `The file is larger than the ${Math.floor(most / 1_048_576)} MiB that the server takes: split it.`;
    return null;
  }

  #pump(): void {
    while (this.#running < AT_ONCE) {
      const id = this.#waiting.shift();
      const job = id === undefined ? undefined : this.#jobs.get(id);
      if (job === undefined && id === undefined) return;
      if (job === undefined) continue;
      this.#running += 1;
      void this.#run(job).finally(() => {
        this.#running -= 1;
        this.#pump();
      });
    }
  }

  /**
   * The library resumes and repeats by itself. The same content under the same name into the same bucket is the same
   * upload: after a reload, dropping it again goes on where the server is.
   */
  async #run({ upload: { id, path, bucket }, file, stop: { signal } }: Job): Promise<void> {
    this.#change(id, { state: "reading" });
    try {
      const stored = await this.#clientFor(id).files.upload(file, {
        filename: path.slice(path.lastIndexOf("/") + 1),
        ...{ bucket, createMissingBuckets: true, signal },
        onProgress: ({ step, sentBytes, totalBytes }) =>
          this.#change(id, {
            sentBytes,
            state: step === "read" ? "reading" : sentBytes === totalBytes ? "checking" : "sending",
          }),
      });
      if (!this.#jobs.has(id)) return;
      const made = fileOf(objectOf(stored));
      this.#change(id, { state: "watching", fileId: made.id, sentBytes: file.size });
      this.#onFile(made);
    } catch (error) {
      if (!signal.aborted) this.#change(id, { state: "failed", says: messageOf(error) });
    }
  }

  /** One for each upload: it notes which session the upload has, so that a cancel can end it on the server. */
  #clientFor(id: number): Wharf {
    return new Wharf({
      baseUrl: addressOf("v1"),
      // The page's own credentials stand in its place.
      apiKey: "none",
      retryForMs: RETRY_FOR_MS,
      fetch: async (input, init) => {
        const url = String(input);
        const answer = await this.#api.passOn(url, init);
        // The library waits as it is told; the page says for what.
        const seconds = secondsToWait(answer);
        const isToWait = (answer.status === 429 || answer.status === 503) && seconds > 0;
        this.#change(id, {
          says: isToWait ? `The server takes the next one in ${seconds} s, and this goes on then.` : "",
        });
        if (answer.ok && url.endsWith("/upload-session")) {
          const said: unknown = await answer.clone().json();
          this.#change(id, { sessionId: textOf(objectOf(said), "session_id") });
        }
        return answer;
      },
    });
  }

  #change(id: number, changes: Partial<Upload>): void {
    const job = this.#jobs.get(id);
    if (job === undefined) return;
    job.upload = { ...job.upload, ...changes };
    this.#show();
  }

  /** Bytes move many times a second, in several files: the page is told ten times. */
  #show(): void {
    if (this.#shown) return;
    this.#shown = true;
    setTimeout(() => {
      this.#shown = false;
      this.list.set([...this.#jobs.values()].map(({ upload }) => upload));
    }, SHOW_EVERY_MS);
  }
}
