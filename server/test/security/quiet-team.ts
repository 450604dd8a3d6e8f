import assert from "node:assert/strict";
import { setTimeout as wait } from "node:timers/promises";
import { Api } from "../support/api.ts";
import { put } from "../support/bytes.ts";
import { sha256Hex } from "../support/digests.ts";
import type { HttpAnswer } from "../support/http.ts";
import { listAt, shown, textAt } from "../support/json.ts";

export const QUIET_CALLS = ["create", "poll", "search", "download"] as const;
export type QuietCall = (typeof QUIET_CALLS)[number];

/** Of each call, in the order in which they were made. */
export type Latencies = Readonly<Record<QuietCall, readonly number[]>>;

/** Each call is made so often. */
const EVERY_MS = 60;
/** Of so many creates one becomes a file. */
const CREATES_PER_FILE = 10;
const PATIENCE_MS = 20_000;

/**
 * A team that does what teams do, and measures it: creates, polls, searches and reads side by side, each on a
 * connection of its own, because that is what an attack on connections takes away. What it was promised, it remembers.
 */
export class QuietTeam {
  /** Calls that were not answered as they have to be. */
  readonly failures: string[] = [];
  readonly #api: Api;
  readonly #files = new Map<string, { readonly word: string; readonly sha256: string }>();
  #fileId = "";
  #made = 0;

  constructor(url: string, key: string) {
    this.#api = new Api(url, key);
  }

  /** Makes what is polled and searched. */
  async settle(): Promise<void> {
    for (let file = 0; file < 5; file++) this.#fileId = await this.#upload();
    await this.#api.settled(this.#fileId);
  }

  get acknowledged(): number {
    return this.#files.size;
  }

  /** Milliseconds of each call; one that failed counts as the whole time that somebody would wait for it. */
  async measure(forMs: number): Promise<Latencies> {
    const until = performance.now() + forMs;
    const calls: Readonly<Record<QuietCall, (turn: number) => Promise<void>>> = {
      create: (turn) => this.#create(turn),
      poll: async () => this.#expect(await this.#api.file(this.#fileId), 200),
      download: async () => this.#expect(await this.#api.content(this.#fileId), 200),
      search: async () => this.#expect(await this.#api.search({ query: "tide pilot", bucket: this.#api.bucket }), 200),
    };
    const measured = QUIET_CALLS.map(async (name) => [name, await this.#repeat(name, calls[name], until)] as const);
    const { create = [], poll = [], search = [], download = [] } = Object.fromEntries(await Promise.all(measured));
    return { create, poll, search, download };
  }

  /** Asserts that every file that was acknowledged is indexed, found, and has the bytes that were sent. */
  async audit(): Promise<void> {
    for (const [fileId, { word, sha256 }] of this.#files) {
      assert.equal(textAt(await this.#api.settled(fileId), "status"), "indexed", `${fileId} was acknowledged`);
      assert.equal(sha256Hex((await this.#api.content(fileId)).body), sha256, `the bytes of ${fileId}`);
      const { json } = await this.#api.search({ query: word, bucket: this.#api.bucket });
      const found = listAt(json, "results").map((result) => textAt(result, "file_id"));
      assert.ok(found.includes(fileId), `${fileId} is not found`);
    }
  }

  async #repeat(name: QuietCall, call: (turn: number) => Promise<void>, until: number): Promise<readonly number[]> {
    const times: number[] = [];
    for (let turn = 0; performance.now() < until; turn++) {
      const began = performance.now();
      try {
        await call(turn);
        times.push(performance.now() - began);
      } catch (error) {
        this.failures.push(`${name}: ${String(error).slice(0, 200)}`);
        times.push(PATIENCE_MS);
      }
      await wait(Math.max(0, EVERY_MS - (performance.now() - began)));
    }
    return times;
  }

  /** Some become files: not timed, but what is acknowledged meanwhile is what an attack must not lose. */
  async #create(turn: number): Promise<void> {
    const note = this.#note();
    const session = await this.#api.create(note.bytes.length);
    if (turn % CREATES_PER_FILE === 0)
      void this.#complete(session, note).catch((error) => this.failures.push(`upload: ${String(error).slice(0, 200)}`));
  }

  async #upload(): Promise<string> {
    const note = this.#note();
    return this.#complete(await this.#api.create(note.bytes.length), note);
  }

  async #complete(session: { readonly id: string; readonly url: string }, note: Note): Promise<string> {
    this.#expect(await put(session.url, null, note.bytes), 200);
    const finalized = await this.#api.finalize(session.id);
    this.#expect(finalized, 201);
    const fileId = textAt(finalized.json, "id");
    this.#files.set(fileId, { word: note.word, sha256: sha256Hex(note.bytes) });
    return fileId;
  }

  #note(): Note {
    const word = `note${this.#made++}x`;
    return { word, bytes: Buffer.from(`${word}: the pilot boards at the outer buoy when the tide turns.`) };
  }

  #expect(answer: HttpAnswer, status: number): void {
    assert.equal(answer.status, status, shown(answer.json));
  }
}

interface Note {
  readonly word: string;
  readonly bytes: Buffer;
}
