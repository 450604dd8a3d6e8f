import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createKey } from "../access/store.ts";
import type { SegmentedStore } from "../blobs/blob-store.ts";
import type { Catalogue } from "../catalogue/catalogue.ts";
import { openCatalogue } from "../engines/catalogue.ts";
import { isRefusal } from "../errors.ts";
import { testBudgets } from "../fairness/test-budgets.ts";
import { createIdSource, type SessionId, type TeamId } from "../ids.ts";
import { createLog } from "../log.ts";
import { createSession } from "./create.store.ts";
import { DigestEngine } from "./embedded/digests.ts";
import { EmbeddedArrivals } from "./embedded/embedded-arrivals.ts";
import { Intake, type IntakeDeps } from "./embedded/intake.ts";
import { UnrecordedBytes } from "./embedded/unrecorded.ts";
import { readSession, takeWriter } from "./session.store.ts";
import type { Session } from "./session.ts";

/** A real catalogue in a folder of its own, and uploads into whatever store a test brings. */
export class TestUploads {
  readonly ids = createIdSource({ now: () => Date.now() });
  readonly catalogue: Catalogue;
  readonly digests: DigestEngine;
  readonly teamId: TeamId;
  readonly #folder: string;

  private constructor(folder: string, catalogue: Catalogue, digests: DigestEngine, teamId: TeamId) {
    this.#folder = folder;
    this.catalogue = catalogue;
    this.digests = digests;
    this.teamId = teamId;
  }

  static async open(): Promise<TestUploads> {
    const folder = await mkdtemp(join(tmpdir(), "wharf-uploads-"));
    const fatal = (error: Error) => {
      throw error;
    };
    const catalogue = await openCatalogue({ path: join(folder, "catalogue.db"), fatal });
    const ids = createIdSource({ now: () => Date.now() });
    const key = { id: ids.next("key"), name: "k", hash: "0".repeat(64), last4: "0000", scopes: [] };
    const { teamId } = await catalogue.run(createKey, { key, teamSlug: "team", newTeamId: ids.next("team") });
    return new TestUploads(folder, catalogue, await DigestEngine.create(), teamId);
  }

  async close(): Promise<void> {
    await this.catalogue.close();
    await rm(this.#folder, { recursive: true });
  }

  async session(sizeBytes: number): Promise<SessionId> {
    const created = await this.catalogue.run(createSession, {
      teamId: this.teamId,
      sessionId: this.ids.next("sess"),
      filename: "f.bin",
      title: "f",
      contentType: "application/octet-stream",
      sizeBytes,
      tags: "[]",
      metadata: "{}",
      buckets: [{ sent: "b", id: null, slug: "b" }],
      createMissingBuckets: true,
      newBucketIds: [this.ids.next("bucket")],
      idempotency: null,
      ttlMs: 3_600_000,
      createsPerSecond: 1_000_000,
      bucketsPerTeam: 100,
      diskLow: false,
    });
    if (isRefusal(created)) throw new Error(created.refused);
    return created.session.id;
  }

  stateOf(id: SessionId): Promise<Session | null> {
    return this.catalogue.run(readSession, { id, teamId: this.teamId });
  }

  /** As a server without a running request has them. */
  arrivals(blobs: SegmentedStore, catalogue: Catalogue = this.catalogue): EmbeddedArrivals {
    return new EmbeddedArrivals({
      catalogue,
      blobs,
      digests: this.digests,
      hashings: testBudgets().hashings,
      writers: { busySessions: () => [], stopWriter: async () => {} },
      unrecorded: new UnrecordedBytes(),
      secret: "secret",
      publicUrl: () => "http://127.0.0.1:1",
      log: createLog("silent"),
    });
  }

  intakeDeps(blobs: SegmentedStore): IntakeDeps {
    return { blobs, catalogue: this.catalogue, digests: this.digests, unrecorded: new UnrecordedBytes() };
  }

  /** A data request that begins at `first` and says that it goes on to the end. */
  async takeIn(blobs: SegmentedStore, id: SessionId, first: number, deps = this.intakeDeps(blobs)): Promise<Intake> {
    const taken = await this.catalogue.run(takeWriter, { id });
    assert.ok(taken?.taken);
    return Intake.start(deps, taken.session, { first, end: taken.session.sizeBytes });
  }

  /** The whole object in one request. */
  async upload(blobs: SegmentedStore, id: SessionId, bytes: Uint8Array): Promise<Session> {
    const intake = await this.takeIn(blobs, id, 0);
    await intake.accept(bytes);
    const session = await intake.complete();
    await intake.close();
    return session;
  }
}

/** An adapter, but for some of its methods. */
export function withMethods<Port extends object>(adapter: Port, methods: Partial<Port>): Port {
  return new Proxy(adapter, {
    get(target, name) {
      const member: unknown = Reflect.get(methods, name) ?? Reflect.get(target, name);
      return typeof member === "function" ? member.bind(target) : member;
    },
  });
}
