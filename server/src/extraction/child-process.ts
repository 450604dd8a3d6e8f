import { startDeadline } from "../deadline.ts";
import { LIMITS } from "../limits.ts";
import { ExtractorTrouble } from "./extractor.ts";
import { FrameReader } from "./frame-reader.ts";
import { setReaderPriority } from "./priority.ts";
import { innermost, type Usage, usageOf, waitedMsOf } from "./process-usage.ts";
import { type DocumentHeader, encodeFrame, type Frame } from "./protocol.ts";
import type { ReaderUsers } from "./reader-users.ts";
import type { Jail } from "./sandbox.ts";
import type { Spawned, Spawner } from "./spawner.ts";
import type { ChildEnd } from "./spawner-process.ts";
import { endedTooEarly } from "./start-trouble.ts";

/** What a child is started with. */
export interface Launch {
  readonly spawner: Spawner;
  readonly jail: Jail;
  /** Null when `jail.users` is. */
  readonly users: ReaderUsers | null;
  /** reader-code.ts. */
  readonly code: Buffer;
}

/** A user is somebody else's only when no process of its last reader is left. */
async function spawned({ spawner, jail, users }: Launch): Promise<Spawned> {
  const user = users?.take() ?? null;
  const [command = "", ...args] = jail.command(user);
  const freed = () => {
    if (user !== null) users?.giveBack(user);
  };
  try {
    const process = await spawner.spawn(command, args);
    void process.ended.then(freed);
    return process;
  } catch (error) {
    freed();
    throw error;
  }
}

/** One child process and the server's end of the protocol. One document at a time. */
export class ExtractionChild {
  #pid: number;
  /** Resolves when the process is gone. Never rejects. */
  readonly ended: Promise<ChildEnd>;
  documents = 0;
  /** Whose documents it has been given; null = nobody's yet. */
  teamId: string | null = null;
  /** False from the first byte of a document until the child says that it can take another. */
  reusable = true;
  #slowed = false;
  #atRest: Usage | null = null;
  readonly #process: Spawned;
  readonly #frames = new FrameReader();
  #gone = false;
  #wakeReader = () => {};

  private constructor(process: Spawned) {
    this.#process = process;
    this.#pid = process.pid;
    this.ended = process.ended;
    // Always listening, not only while a read waits: output without such a listener may flow away at the end.
    for (const event of ["readable", "end", "close"]) process.stdout.on(event, () => this.#wakeReader());
    void process.ended.then(() => {
      this.#gone = true;
      process.stdin.destroy();
    });
  }

  /** Starts a child and waits until it is ready. Throws ExtractorTrouble. */
  static async start(launch: Launch): Promise<ExtractionChild> {
    const child = new ExtractionChild(await spawned(launch));
    child.#process.stdin.write(launch.code);
    const ready = startDeadline(LIMITS.childStartMs, () => child.kill());
    const first = await child.#first().catch(() => null);
    ready();
    if (first?.message.kind !== "ready") {
      child.kill();
      throw endedTooEarly(await child.ended);
    }
    // Walls put processes of theirs before the reader. It has seen no document yet, so what there is now is
    // as we made it.
    child.#pid = innermost(child.#pid);
    setReaderPriority(child.#pid, LIMITS.childPriority);
    return child;
  }

  get gone(): boolean {
    return this.#gone;
  }

  usage(): Usage | null {
    return usageOf(this.#pid);
  }

  /** A document is over. What has been used by now is what the next one begins with: in between, a reader waits. */
  rest(): Usage | null {
    this.#atRest = this.usage();
    return this.#atRest;
  }

  /** A document begins: what was used before. One look at the kernel's figures for each document instead of two. */
  usedBefore(): Usage | null {
    const used = this.#atRest ?? this.usage();
    this.#atRest = null;
    return used;
  }

  /** How long it has been ready to go on while others had the processors, since it began. */
  waitedMs(): number {
    return waitedMsOf(this.#pid);
  }

  /** To the lowest priority. */
  slowDown(): void {
    this.#slowed = true;
    setReaderPriority(this.#pid, LIMITS.slowLanePriority);
  }

  /**
   * Back to an ordinary reader's priority. Only a privileged server may do that: elsewhere a slowed child stays so, and
   * reads in the slow lane from then on.
   */
  speedUp(): void {
    if (this.#slowed) this.#slowed = !setReaderPriority(this.#pid, LIMITS.childPriority);
  }

  get slowed(): boolean {
    return this.#slowed;
  }

  /** SIGKILL: works on a stopped and on a spinning process alike. What is under way to it or from it is thrown away. */
  kill(): void {
    this.#process.kill();
    this.#process.stdin.destroy();
    this.#process.stdout.destroy();
  }

  /** Streams one document in, at the child's pace. Ends silently when the child dies; throws what `source` throws. */
  async feed(header: DocumentHeader, source: AsyncIterable<Uint8Array>): Promise<void> {
    let rest = header.sizeBytes;
    // With the first bytes: a small document is one write, and wakes the child once.
    let head: readonly Uint8Array[] = [encodeFrame(header)];
    for await (const bytes of source) {
      rest -= bytes.byteLength;
      if (rest < 0 || this.#deaf) break;
      await this.#write(head.length === 0 ? bytes : Buffer.concat([...head, bytes]));
      head = [];
    }
    if (head.length > 0 && !this.#deaf) await this.#write(Buffer.concat(head));
    if (rest !== 0 && !this.#deaf) throw new ExtractorTrouble("The original has another length than its record.");
  }

  /** Nobody hears it any more, so nothing more of an original is read. Its end itself may be told a little later. */
  get #deaf(): boolean {
    return this.#gone || this.#process.stdin.destroyed;
  }

  async #write(bytes: Uint8Array): Promise<void> {
    const { stdin } = this.#process;
    if (stdin.write(bytes)) return;
    await new Promise<void>((resolve) => {
      const done = () => {
        stdin.off("drain", done).off("close", done);
        resolve();
      };
      stdin.on("drain", done).on("close", done);
    });
  }

  /**
   * The frames that are whole with what it says next, perhaps none; null when it has ended. They are to be taken to
   * their end, which may throw ProtocolError. What nobody asks for stays in the pipe and holds the child back.
   */
  async receive(): Promise<Iterable<Frame> | null> {
    const { stdout } = this.#process;
    for (;;) {
      const piece: unknown = stdout.read();
      if (Buffer.isBuffer(piece)) return this.#frames.take(piece);
      if (stdout.readableEnded || stdout.destroyed) return null;
      await new Promise<void>((resolve) => {
        this.#wakeReader = resolve;
      });
    }
  }

  /** Whether it has said nothing behind the last frame. */
  get isSilent(): boolean {
    return this.#frames.isBetweenFrames;
  }

  async #first(): Promise<Frame | null> {
    for (;;) {
      const frames = await this.receive();
      if (frames === null) return null;
      const [first, ...more] = frames;
      if (first !== undefined) return more.length === 0 ? first : null;
    }
  }
}
