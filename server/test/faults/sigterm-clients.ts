import { Agent } from "node:http";
import { connect } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { Api, FILES } from "../support/api.ts";
import { put } from "../support/bytes.ts";
import { sha256Hex } from "../support/digests.ts";
import { BrokenExchange, http } from "../support/http.ts";
import type { Random } from "../support/random.ts";
import { bringIn, create, expectStatus, type Upload, Violation } from "./killer-client.ts";
import { type Ledger, nameOf } from "./ledger.ts";

/**
 * Clients of every kind at once, until the server is gone: most on kept connections, the bytes of uploads
 * on fresh ones.
 */

export interface ClientsOptions {
  readonly url: string;
  readonly key: string;
  readonly ledger: Ledger;
  readonly random: Random;
  /** A file of some megabytes that slow readers take. */
  readonly large: { readonly fileId: string; readonly sha256: string };
  /** One of the slow uploads goes on for longer than the grace period. */
  readonly withEndlessUpload: boolean;
}

/** A file whose DELETE was sent. */
export interface Removed {
  readonly fileId: string;
  acknowledged: boolean;
}

/** How the connections ended that had no request under way. */
export interface IdleEnds {
  readonly inOrder: number;
  readonly reset: number;
}

/**
 * Requests that are sent right before the signal, so that it finds them in every state: connecting, unread, half read.
 */
const BURST = 12;
const SLOW_PIECES = 24;
/** 72 s for all pieces. */
const ENDLESS_PAUSE_MS = 3000;

export class SigtermClients {
  readonly removed: Removed[] = [];
  /** Exchanges that broke. */
  readonly broken: BrokenExchange[] = [];
  answered = 0;
  readonly #options: ClientsOptions;
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 64 });
  readonly #kept: Api;
  readonly #fresh: Api;
  readonly #running: Promise<void>[] = [];
  readonly #unfinished: Upload[];
  #idle = { inOrder: 0, reset: 0 };
  #over = false;

  constructor(options: ClientsOptions) {
    this.#options = options;
    this.#kept = new Api(options.url, options.key, this.#agent);
    this.#fresh = new Api(options.url, options.key);
    this.#unfinished = options.ledger.uploads.filter((upload) => upload.fileId === null);
  }

  /** Resolves when the load is there: a long document is being read. */
  async start(): Promise<void> {
    const { ledger, random } = this.#options;
    const long = ledger.newLongUpload();
    await bringIn(this.#kept, long);
    await Promise.all(Array.from({ length: BURST }, () => this.#kept.get(FILES)));
    this.#idleConnection("");
    this.#idleConnection(`GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n`);
    for (let i = 0; i < 3; i++) this.#repeat(() => this.#upload());
    this.#repeat(() => this.#uploadSlowly(ledger.newUpload(), random.integer(5, 60)));
    if (this.#options.withEndlessUpload) this.#run(() => this.#uploadSlowly(ledger.newLongUpload(), ENDLESS_PAUSE_MS));
    for (let i = 0; i < 2; i++) this.#repeat(() => this.#poll());
    this.#repeat(() => this.#search());
    this.#repeat(() => this.#download());
    this.#repeat(() => this.#downloadSlowly());
    this.#repeat(() => this.#remove());
    await this.#isBeingRead(long);
  }

  /** A handful of requests at once, on kept and on fresh connections. They go out while nobody waits. */
  burst(): void {
    for (const api of [this.#kept, this.#fresh])
      for (let i = 0; i < BURST; i++) this.#run(async () => expectStatus(await api.get(FILES), 200, "list"));
  }

  /** After the server is gone: every client has met that. */
  async stop(): Promise<IdleEnds> {
    this.#over = true;
    await Promise.all(this.#running);
    this.#agent.destroy();
    return this.#idle;
  }

  #repeat(step: () => Promise<void>): void {
    this.#running.push(
      (async () => {
        while (!this.#over) await this.#judged(step);
      })(),
    );
  }

  #run(step: () => Promise<void>): void {
    this.#running.push(this.#judged(step));
  }

  async #judged(step: () => Promise<void>): Promise<void> {
    try {
      await step();
      this.answered++;
    } catch (error) {
      if (error instanceof BrokenExchange) this.broken.push(error);
      else this.#options.ledger.note("a client", error);
      // Nobody comes back to a server that is gone.
      if (error instanceof BrokenExchange && error.code === "ECONNREFUSED") this.#over = true;
    }
  }

  async #upload(): Promise<void> {
    await this.#bringIn(this.#unfinished.pop() ?? this.#options.ledger.newUpload());
  }

  /** One whole body in pieces, with a pause after each. */
  async #uploadSlowly(upload: Upload, pauseMs: number): Promise<void> {
    await create(this.#kept, upload);
    const { bytes } = upload;
    const pieces = async function* () {
      const pieceBytes = Math.ceil(bytes.length / SLOW_PIECES);
      for (let from = 0; from < bytes.length; from += pieceBytes) {
        yield bytes.subarray(from, from + pieceBytes);
        await sleep(pauseMs);
      }
    };
    const url = this.#kept.base + upload.uploadPath;
    expectStatus(await put(url, null, pieces(), { "Content-Length": bytes.length }), 200, "a slow PUT");
    upload.complete = true;
    await this.#bringIn(upload);
  }

  async #poll(): Promise<void> {
    const { fileId } = this.#some();
    const { etag = "" } = (await this.#kept.file(fileId)).headers;
    const held = await this.#kept.get(`${FILES}/${fileId}?wait=20`, { "If-None-Match": etag }, 30_000);
    if (held.status !== 304) expectStatus(held, 200, "a held poll");
  }

  async #search(): Promise<void> {
    expectStatus(await this.#kept.search({ query: this.#some().word }), 200, "search");
  }

  async #download(): Promise<void> {
    const { fileId, bytes } = this.#some();
    const content = await this.#fresh.content(fileId);
    expectStatus(content, 200, "content");
    if (!content.body.equals(bytes)) throw new Violation("the content is not what was sent");
  }

  async #downloadSlowly(): Promise<void> {
    const { fileId, sha256 } = this.#options.large;
    const content = await this.#kept.call("GET", `${FILES}/${fileId}/content`, { pieceMs: 5 });
    expectStatus(content, 200, "a slow download");
    if (sha256Hex(content.body) !== sha256) throw new Violation("a slow download is not what was sent");
  }

  async #remove(): Promise<void> {
    const { ledger } = this.#options;
    const upload = ledger.newUpload();
    await this.#bringIn(upload);
    if (upload.fileId === null) return;
    const removed = { fileId: upload.fileId, acknowledged: false };
    ledger.forget(upload);
    this.removed.push(removed);
    expectStatus(await this.#kept.deleteFile(upload.fileId), 200, "delete");
    removed.acknowledged = true;
  }

  async #bringIn(upload: Upload): Promise<void> {
    try {
      await bringIn(this.#kept, upload);
    } catch (error) {
      if (error instanceof BrokenExchange) throw error;
      throw new Violation(`${nameOf(upload)}: ${String(error)}`, { cause: error });
    }
  }

  /** A connection without a request, or with one that was answered. */
  #idleConnection(request: string): void {
    const { hostname, port } = new URL(this.#options.url);
    const socket = connect(Number(port), hostname);
    socket.write(request);
    socket.resume();
    this.#running.push(
      new Promise((resolve) => {
        socket.once("error", () => this.#idle.reset++);
        socket.once("end", () => this.#idle.inOrder++);
        socket.once("close", () => resolve());
      }),
    );
  }

  /** Some file that is there. */
  #some(): Upload & { readonly fileId: string } {
    const { ledger, random } = this.#options;
    const files = ledger.finalized;
    const upload = files[random.integer(0, files.length - 1)];
    if (upload === undefined || upload.fileId === null) throw new Violation("there is no file yet");
    return { ...upload, fileId: upload.fileId };
  }

  async #isBeingRead(upload: Upload): Promise<void> {
    for (let state = "queued"; state === "queued"; await sleep(20)) {
      const { json } = await http(`${this.#options.url}${FILES}/${upload.fileId}`, {
        headers: { Authorization: `Bearer ${this.#options.key}` },
      });
      state = String(typeof json === "object" && json !== null && "status" in json ? json.status : "");
    }
  }
}
