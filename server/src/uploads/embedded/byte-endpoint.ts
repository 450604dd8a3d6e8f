import type { IncomingMessage, ServerResponse } from "node:http";
import { setTimeout as wait } from "node:timers/promises";
import { BlobStoreError } from "../../blobs/blob-store.ts";
import type { Clock } from "../../clock.ts";
import type { Config } from "../../config.ts";
import { WharfError } from "../../errors.ts";
import type { Places } from "../../fairness/places.ts";
import type { IdSource, SessionId } from "../../ids.ts";
import { LIMITS } from "../../limits.ts";
import type { Log } from "../../log.ts";
import type { DiskGate } from "../disk-gate.ts";
import { cancelSession, dropBytes, readSession, takeWriter } from "../session.store.ts";
import type { Session } from "../session.ts";
import { BodyCutError, UploadBody } from "../upload-body.ts";
import {
  answerPreflight,
  answerProgress,
  answerResource,
  refusalOfFailure,
  refuseDigest,
  refuseWithText,
  setCommonHeaders,
} from "./byte-answers.ts";
import {
  beyondKept,
  bodyOfProbe,
  type DataRequest,
  type Decision,
  decide,
  REFUSALS,
  type RefusalText,
  type RequestHead,
  wrongLength,
  wrongSize,
} from "./byte-protocol.ts";
import { digestContradiction } from "./expected-digests.ts";
import { digestAtOffset, Intake, type IntakeDeps, SupersededError } from "./intake.ts";
import { sessionOfPath } from "./upload-url.ts";

export interface ByteEndpointDeps extends IntakeDeps {
  readonly config: Pick<Config, "uploadOrigins">;
  readonly secret: string;
  readonly publicUrl: () => string;
  readonly clock: Clock;
  readonly ids: IdSource;
  readonly disk: DiskGate;
  /** Of requests that send bytes. */
  readonly places: Places;
  readonly log: Log;
}

/**
 * `upload_url`: Google Cloud Storage's resumable dialect over the embedded store (contract PUT-1 … PUT-20,
 * docs/byte-endpoint.md). A plain Node handler: a web framework answers 415 to a malformed Content-Type before any
 * handler, and has its own CORS and error shapes.
 */
export class ByteEndpoint {
  readonly #deps: ByteEndpointDeps;
  /** The data request that writes each session in this process. */
  readonly #writers = new Map<SessionId, Writer>();

  constructor(deps: ByteEndpointDeps) {
    this.#deps = deps;
  }

  /**
   * Sessions that a data request of this process writes just now: maintenance leaves them alone. Also those of which
   * one that was overtaken still holds the disk: as long as it is there, its segment may be recorded.
   */
  busySessions(): readonly SessionId[] {
    return [...new Set([...this.#writers.keys(), ...this.#deps.unrecorded.sessions()])];
  }

  /** Ends the session's running data request, its whole units recorded: for a cancel and for shutdown. */
  async stopWriter(session: SessionId): Promise<void> {
    await this.#writers.get(session)?.stop();
  }

  async close(): Promise<void> {
    await Promise.all([...this.#writers.values()].map((writer) => writer.stop()));
  }

  /**
   * `expectsContinue`: the client waits for `100 Continue` before it sends its body (PUT-17). Never rejects. The next
   * request of the connection (A18) is handed over when this one is answered: judged sooner, it would lie beyond what
   * is kept, or take over and end its own connection.
   */
  async handle(request: IncomingMessage, response: ServerResponse, expectsContinue: boolean): Promise<void> {
    request.on("error", () => {});
    response.on("error", () => {});
    const requestId = this.#deps.ids.next("req");
    setCommonHeaders(request, response, requestId, this.#deps.config.uploadOrigins);
    try {
      if (request.method === "OPTIONS") return answerPreflight(request, response);
      await this.#serve(request, response, expectsContinue);
    } catch (error) {
      await this.#fail(request, response, requestId, error);
    }
  }

  async #serve(request: IncomingMessage, response: ServerResponse, expectsContinue: boolean): Promise<void> {
    const { catalogue, clock, secret, publicUrl } = this.#deps;
    const path = (request.url ?? "").split("?", 1)[0] ?? "";
    const id = sessionOfPath(path, secret);
    const read = async () => (id === null ? null : catalogue.run(readSession, { id, teamId: null }));
    let session = await read();
    if (session === null) return refuseWithText(request, response, REFUSALS.notFound); // PUT-13

    const head = headOf(request);
    let decision = decide(session, head, clock.now());
    if (isProbe(decision) && (await this.#recordNow(session.id))) {
      session = (await read()) ?? session;
      decision = decide(session, head, clock.now());
    }
    switch (decision.kind) {
      case "refuse":
        return refuseWithText(request, response, decision.refusal);
      case "cancel":
        return this.#cancel(request, response, session);
      case "complete":
        await this.#readRepeat(request, response, session, head, expectsContinue);
        return answerResource(request, response, session, publicUrl());
      case "progress":
      case "finish":
        // Only a chunked body gets so far with bytes in it.
        if (!(await this.#drain(request, response, 0, expectsContinue)))
          return refuseWithText(request, response, bodyOfProbe("some"));
        if (decision.kind === "finish") return this.#finishKept(request, response, session);
        return this.#answerProgress(request, response, session);
      case "data":
        return this.#receiveInShare(request, response, session, decision, expectsContinue);
    }
  }

  /** An upload holds a connection: no team may hold them all. What is kept stays, and Google's clients try again. */
  async #receiveInShare(
    request: IncomingMessage,
    response: ServerResponse,
    { id, teamId, receivedBytes }: Session,
    wanted: DataRequest,
    expectsContinue: boolean,
  ): Promise<void> {
    const place = this.#deps.places.tryTake({ teamId, keyId: null });
    if (typeof place === "string") return refuseWithText(request, response, { status: 503, text: TOO_MANY });
    try {
      const room = await this.#deps.disk.roomForData(Math.max(0, wanted.end - receivedBytes));
      if (room === null) return await refuseWithText(request, response, { status: 503, text: DISK_LOW }); // PUT-20
      try {
        await this.#receive(request, response, id, wanted, expectsContinue);
      } finally {
        room.giveBack();
      }
    } finally {
      place.free();
    }
  }

  /**
   * A repeat of a complete upload is read to its end, so that a slow client that lost its 200 gets it. What goes on
   * longer is no repeat, and a team's uploads have their share of connections: both are answered all the same (PUT-10),
   * and end as after a refusal.
   */
  async #readRepeat(
    request: IncomingMessage,
    response: ServerResponse,
    { teamId, sizeBytes }: Session,
    { contentLength }: RequestHead,
    expectsContinue: boolean,
  ): Promise<void> {
    const longestBytes = sizeBytes + LIMITS.repeatSlackBytes;
    if ((contentLength ?? 0) > longestBytes) return;
    const place = this.#deps.places.tryTake({ teamId, keyId: null });
    if (typeof place === "string") return;
    try {
      await this.#drain(request, response, longestBytes, expectsContinue);
    } finally {
      place.free();
    }
  }

  #drain(request: IncomingMessage, response: ServerResponse, maxBytes: number, continues: boolean): Promise<boolean> {
    if (continues) response.writeContinue();
    return new UploadBody(request).drain(maxBytes);
  }

  /**
   * PUT-9: a probe that comes just when a connection was cut would miss what is being recorded at that moment, and a
   * client that streams cannot go back. So what a running request of this process has received is recorded first. It is
   * not ended, and a disk that hangs keeps no probe waiting (A8). False: no request runs.
   */
  async #recordNow(id: SessionId): Promise<boolean> {
    const writer = this.#writers.get(id);
    if (writer === undefined) return false;
    await Promise.race([writer.recordNow(), wait(LIMITS.takeOverWaitMs, undefined, { ref: false })]);
    return true;
  }

  /** A data request: take over, take the epoch, stream, record, answer. */
  async #receive(
    request: IncomingMessage,
    response: ServerResponse,
    id: SessionId,
    wanted: DataRequest,
    expectsContinue: boolean,
  ): Promise<void> {
    const writer = new Writer(request);
    const older = this.#writers.get(id);
    this.#writers.set(id, writer); // PUT-14: the newest wins
    try {
      if (older !== undefined)
        await Promise.race([older.stop(), wait(LIMITS.takeOverWaitMs, undefined, { ref: false })]);
      const taken = await this.#deps.catalogue.run(takeWriter, { id });
      if (taken === null) return refuseWithText(request, response, REFUSALS.notFound);
      // The session moved on since it was read: judge it as it is now.
      if (!taken.taken) return this.#serve(request, response, expectsContinue);
      if (wanted.first > taken.session.receivedBytes)
        return refuseWithText(request, response, beyondKept(wanted.first, taken.session.receivedBytes)); // PUT-6
      const intake = await Intake.start(this.#deps, taken.session, wanted);
      writer.writes(intake);
      try {
        if (expectsContinue) response.writeContinue();
        await this.#takeIn(request, response, writer, intake, taken.session, wanted);
      } finally {
        await this.#close(intake, taken.session);
      }
    } finally {
      if (this.#writers.get(id) === writer) this.#writers.delete(id);
      writer.ended();
    }
  }

  async #takeIn(
    request: IncomingMessage,
    response: ServerResponse,
    writer: Writer,
    intake: Intake,
    session: Session,
    wanted: DataRequest,
  ): Promise<void> {
    try {
      for await (const chunk of writer.body.chunks()) {
        // PUT-8, A7, A19: surplus never becomes part of the object, and nothing of a body that lies about
        // itself is kept.
        if (intake.position + chunk.length > wanted.end) {
          await this.#close(intake, session);
          return refuseWithText(request, response, surplus(wanted));
        }
        await intake.accept(chunk);
      }
    } catch (error) {
      if (error instanceof BodyCutError) await intake.recordUnits(); // PUT-9
      throw error;
    }
    if (intake.position !== wanted.end) {
      await this.#close(intake, session);
      const got = intake.position - wanted.first;
      const whole = request.headers["content-range"] === undefined;
      const text = whole ? wrongSize(got, session.sizeBytes) : wrongLength(got, wanted.first, wanted.end - 1);
      return refuseWithText(request, response, { status: 400, text });
    }
    if (wanted.final) return this.#complete(request, response, intake, session);
    const reachesSize = wanted.end === session.sizeBytes;
    const recorded = (await (reachesSize ? intake.recordAll() : intake.recordUnits())) ?? session; // PUT-2, PUT-7
    return this.#answerProgress(request, response, recorded);
  }

  /** All bytes are here: check what the client says of them, then make it so (PUT-1, PUT-11). */
  async #complete(request: IncomingMessage, response: ServerResponse, intake: Intake, session: Session): Promise<void> {
    const contradiction = digestContradiction(request.headers, intake.digestsSoFar());
    if (contradiction === null)
      return answerResource(request, response, await intake.complete(), this.#deps.publicUrl());
    await this.#close(intake, session);
    await this.#drop(session);
    return refuseDigest(request, response, contradiction);
  }

  // K3: "bytes */N" with everything kept (a part that left the total open brought the last bytes).
  async #finishKept(request: IncomingMessage, response: ServerResponse, session: Session): Promise<void> {
    const { receivedBytes } = session;
    const intake = await Intake.start(this.#deps, session, { first: receivedBytes, end: receivedBytes });
    try {
      return await this.#complete(request, response, intake, session);
    } finally {
      await this.#close(intake, session);
    }
  }

  /** Before a refusal is sent: once the client reads it, nothing of the request is on the disk that is not recorded. */
  async #close(intake: Intake, session: Session): Promise<void> {
    await intake.close().catch((error: unknown) => {
      this.#deps.log.warn({ session_id: session.id, err: error }, "unrecorded bytes are left for the next request");
    });
  }

  /** The kept bytes are not what was promised. All of them go: a resume would skip the wrong ones and fail again. */
  async #drop(session: Session): Promise<void> {
    const dropped = await this.#deps.catalogue.run(dropBytes, { id: session.id, epoch: session.writerEpoch });
    if (dropped) await this.#deps.blobs.removeSegments(session.id, (epoch) => epoch <= session.writerEpoch);
  }

  async #cancel(request: IncomingMessage, response: ServerResponse, session: Session): Promise<void> {
    const cancelled = await this.#deps.catalogue.run(cancelSession, { id: session.id, teamId: null });
    if (cancelled?.ended !== true) return this.#serve(request, response, false); // it moved on: judge it as it is now
    await this.stopWriter(session.id);
    await this.#deps.blobs.removeSegments(session.id);
    return refuseWithText(request, response, REFUSALS.cancelled); // PUT-12
  }

  async #answerProgress(request: IncomingMessage, response: ServerResponse, session: Session): Promise<void> {
    const { digests } = this.#deps;
    const state = session.receivedBytes === 0 ? digests.empty() : await digestAtOffset(this.#deps, session);
    answerProgress(request, response, session.receivedBytes, digests.finish(state));
  }

  async #fail(request: IncomingMessage, response: ServerResponse, requestId: string, error: unknown): Promise<void> {
    if (error instanceof BodyCutError || error instanceof SupersededError) {
      request.socket.destroy();
      return;
    }
    const known = error instanceof BlobStoreError || error instanceof WharfError;
    this.#deps.log[known ? "warn" : "error"]({ request_id: requestId, err: error }, "upload request failed");
    await refuseWithText(request, response, refusalOfFailure(error)).catch(() => response.destroy());
  }
}

const TOO_MANY =
  "Your team sends as many files at once as its share allows. Nothing that was received is lost; let some end, then try again.";
const DISK_LOW = "The server's disk is nearly full. Nothing that was received is lost; try again later.";

/** The data request that writes a session, as the one that takes over sees it. */
class Writer {
  readonly body: UploadBody;
  readonly #began = Promise.withResolvers<void>();
  readonly #ended = Promise.withResolvers<void>();
  #recordedAt = performance.now();
  #intake: Intake | null = null;

  constructor(request: IncomingMessage) {
    this.body = new UploadBody(request, () => this.#recordNowAndThen());
  }

  /** Ends the request from our side and waits for its last record. */
  stop(): Promise<void> {
    this.body.cut("stopped");
    return this.#ended.promise;
  }

  writes(intake: Intake): void {
    this.#intake = intake;
    this.#began.resolve();
  }

  ended(): void {
    this.#began.resolve();
    this.#ended.resolve();
  }

  /** Resolves when all whole units that have come in count, or never will. */
  async recordNow(): Promise<void> {
    await this.#began.promise;
    // A failure is kept by the intake and meets the request at its next chunk or record.
    await this.#intake?.recordUnits().catch(() => {});
  }

  /** PUT-9: a slow upload can be resumed where it is, a fast one pays nothing. */
  #recordNowAndThen(): void {
    const now = performance.now();
    if (this.#intake === null || !this.#intake.hasNewUnits || now - this.#recordedAt < LIMITS.recordEveryMs) return;
    this.#recordedAt = now;
    this.#intake.recordUnits().catch(() => this.body.cut("stopped"));
  }
}

function isProbe(decision: Decision): boolean {
  return decision.kind === "progress" || decision.kind === "finish";
}

function headOf(request: IncomingMessage): RequestHead {
  const length = request.headers["content-length"];
  return {
    method: request.method ?? "",
    contentRange: request.headers["content-range"],
    contentEncoding: request.headers["content-encoding"],
    contentLength: length === undefined ? null : Number(length),
    chunked: request.headers["transfer-encoding"] !== undefined,
  };
}

function surplus(wanted: DataRequest): RefusalText {
  const bytes = wanted.end - wanted.first;
  return {
    status: 400,
    text: `Invalid request.  There were more than ${bytes} byte(s) in the request body.  There should have been ${bytes} byte(s) (starting at offset ${wanted.first} and ending at offset ${wanted.end - 1}) according to the upload session and the Content-Range header.`,
  };
}
