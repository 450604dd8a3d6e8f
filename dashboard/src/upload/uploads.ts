import type { FileToUpload, UploadResult } from "../../../sdk/src/files/upload-many.ts";
import { Wharf } from "../../../sdk/src/index.ts";
import { type Api, addressOf, messageOf, secondsToWait } from "../api.ts";
import { objectOf } from "../json.ts";
import { Store } from "../store.ts";
import { fileOf, type WatchedFile } from "../wire.ts";
import type { Dropped } from "./dropped.ts";
import { Lanes } from "./lanes.ts";

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

/** Requests at once. Browsers have six connections for a server: what watches needs some as well. */
const AT_ONCE = 4;
const SHOW_EVERY_MS = 100;
/** Since its last progress: a server that is away is waited for over a lunch. */
const RETRY_FOR_MS = 3_600_000;

/** A job as a run of the library knows it: a later run has another signal. */
interface Taken {
  readonly id: number;
  readonly signal: AbortSignal;
}

const UNDER_WAY: readonly UploadState[] = ["reading", "sending", "checking"];

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
  /** Runs of the library that have not ended, and the one that takes what waits: it is the newest. */
  #runs = 0;
  #taker: object | null = null;
  readonly #lanes = new Lanes(AT_ONCE);
  #nextId = 1;
  #shown = false;
  #said = "";

  /** `onFile`: what a finalize answered. */
  constructor(api: Api, onFile: (file: WatchedFile) => void) {
    this.#api = api;
    this.#onFile = onFile;
  }

  get isBusy(): boolean {
    return this.#runs > 0 || this.#waiting.length > 0;
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
    if (sessionId !== "") this.#giveUp(sessionId);
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

  /** A run takes what waits until nothing does; what comes then has the next run, beside the end of that one. */
  #pump(): void {
    if (this.#taker !== null || this.#waiting.length === 0) return;
    this.#taker = {};
    this.#runs += 1;
    void this.#run(this.#taker).finally(() => {
      this.#runs -= 1;
      this.#pump();
    });
  }

  /**
   * The library resumes and repeats by itself, and sends many files by a batch, which is one of the team's creates. The
   * same content under the same name into the same bucket is the same upload: after a reload, dropping it again goes on
   * where the server is.
   */
  async #run(self: object): Promise<void> {
    const taken: Taken[] = [];
    const onResult = (place: number, result: UploadResult) => {
      const job = taken[place];
      if (job !== undefined) this.#ended(job, result);
    };
    try {
      await this.#client().files.uploadMany(this.#take(self, taken), { onResult });
    } catch (error) {
      // Nothing of this run can go further: the sign-in is over, or may not do that.
      for (const job of taken) this.#ended(job, { error });
    } finally {
      if (this.#taker === self) this.#taker = null;
    }
  }

  /** What waits, one after the other, as the library has room for it. */
  *#take(self: object, taken: Taken[]): Generator<FileToUpload> {
    for (let id = this.#waiting.shift(); id !== undefined; id = this.#waiting.shift()) {
      const job = this.#jobs.get(id);
      if (job === undefined) continue;
      taken.push({ id, signal: job.stop.signal });
      yield this.#start(id, job);
    }
    if (this.#taker === self) this.#taker = null;
  }

  #start(id: number, { upload: { path, bucket }, file, stop: { signal } }: Job): FileToUpload {
    this.#change(id, { state: "reading" });
    return {
      ...{ source: file, filename: path.slice(path.lastIndexOf("/") + 1) },
      ...{ bucket, createMissingBuckets: true, signal },
      onSession: (sessionId) => {
        if (signal.aborted) this.#giveUp(sessionId);
        else this.#change(id, { sessionId });
      },
      onProgress: ({ step, sentBytes, totalBytes }) => {
        if (signal.aborted) return;
        const state = step === "read" ? "reading" : sentBytes === totalBytes ? "checking" : "sending";
        this.#change(id, { sentBytes, state });
      },
    };
  }

  /** Of one that was cancelled, and perhaps taken up again since, that it failed is no news. */
  #ended({ id, signal }: Taken, result: UploadResult): void {
    const job = this.#jobs.get(id);
    if (job === undefined || job.upload.fileId !== "") return;
    if ("file" in result) {
      const made = fileOf(objectOf(result.file));
      this.#change(id, { state: "watching", fileId: made.id, sentBytes: job.file.size, says: "" });
      this.#onFile(made);
    } else if (!signal.aborted) this.#change(id, { state: "failed", says: messageOf(result.error) });
  }

  #giveUp(sessionId: string): void {
    void this.#api.json("DELETE", `v1/knowledge/files/upload-session/${sessionId}`).catch(() => {});
  }

  #client(): Wharf {
    return new Wharf({
      baseUrl: addressOf("v1"),
      // The page's own credentials stand in its place.
      apiKey: "none",
      retryForMs: RETRY_FOR_MS,
      fetch: (input, init) =>
        this.#lanes.run(async () => {
          const answer = await this.#api.passOn(String(input), init);
          // The library waits as it is told; the page says for what.
          const seconds = secondsToWait(answer);
          const isToWait = (answer.status === 429 || answer.status === 503) && seconds > 0;
          this.#say(isToWait ? `The server takes the next one in ${seconds} s, and this goes on then.` : "");
          return answer;
        }),
    });
  }

  /** What those that are under way wait for. */
  #say(says: string): void {
    if (says === this.#said) return;
    this.#said = says;
    for (const [id, { upload }] of this.#jobs) if (UNDER_WAY.includes(upload.state)) this.#change(id, { says });
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
