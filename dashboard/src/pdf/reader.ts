import { type Api, addressOf } from "../api.ts";
import type { DrawAnswer, DrawRequest, Wanted } from "./messages.ts";

export type Drawn = Extract<DrawAnswer, { readonly pixels: ArrayBuffer }>;

/** A page that takes longer is given up, with the worker: PDFs that never end are made on purpose. */
const LONGEST_MS = 30_000;

/** Pages of PDFs, drawn one after another by a worker that is there from the first one on. */
export class PdfReader {
  readonly #api: Api;
  readonly #address = allowWorker(addressOf("assets/pdf-worker.js"));
  #worker: Worker | null = null;
  /** Which file the worker has. */
  #fileId = "";
  #nextId = 1;
  #line: Promise<unknown> = Promise.resolve();

  constructor(api: Api) {
    this.#api = api;
  }

  /** `width` in device pixels. Rejects with a sentence. */
  draw(fileId: string, page: number, width: number, find: Wanted | null, signal: AbortSignal): Promise<Drawn> {
    const drawing = this.#line.then(async () => {
      signal.throwIfAborted();
      const bytes = this.#fileId === fileId ? null : await this.#bytesOf(fileId, signal);
      return this.#ask({ id: this.#nextId++, fileId, bytes, page, width, find });
    });
    this.#line = drawing.catch(() => {});
    return drawing;
  }

  async #bytesOf(fileId: string, signal: AbortSignal): Promise<ArrayBuffer> {
    const answer = await this.#api.fetch("GET", `v1/knowledge/files/${fileId}/content`, { signal });
    return answer.arrayBuffer();
  }

  #ask(request: DrawRequest): Promise<Drawn> {
    this.#worker ??= new Worker(this.#address, { type: "module" });
    const worker = this.#worker;
    return new Promise((resolve, reject) => {
      const end = (error: Error) => {
        worker.terminate();
        this.#worker = null;
        this.#fileId = "";
        reject(error);
      };
      const late = setTimeout(
        () => end(new Error("This page takes too long to draw. Its text is there all the same.")),
        LONGEST_MS,
      );
      worker.onerror = () => {
        clearTimeout(late);
        end(new Error("This page cannot be drawn. Its text is there all the same."));
      };
      worker.onmessage = ({ data }: MessageEvent<DrawAnswer>) => {
        clearTimeout(late);
        if ("says" in data) return end(new Error(data.says));
        this.#fileId = request.fileId;
        resolve(data);
      };
      worker.postMessage(request, request.bytes === null ? [] : [request.bytes]);
    });
  }
}

/**
 * Under the page's policy (Trusted Types) no text becomes a script's address but by the default policy, and that lets
 * this one pass. Where a browser has none of it, the content policy still says that workers are ours alone.
 */
function allowWorker(address: string): string {
  globalThis.trustedTypes?.createPolicy("default", { createScriptURL: (url) => (url === address ? url : null) });
  return address;
}
