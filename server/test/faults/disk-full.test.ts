import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { after, before, describe, test } from "node:test";
import { WAL_TRUNCATE_MS } from "../../src/sqlite/wal-checkpoint.ts";
import { Api, type Session } from "../support/api.ts";
import { readTestConfig } from "../support/config.ts";
import { type HttpAnswer, http } from "../support/http.ts";
import { listAt, textAt } from "../support/json.ts";
import { TestServer } from "../support/server.ts";
import { eventually } from "./processes.ts";
import { mountSmallDisk } from "./small-disk.ts";

const MIB = 1024 * 1024;
const DISK = 48 * MIB;
const RESERVE = 8 * MIB;
const PIECE = 2 * MIB;

/** Fill and free, over and over: 3 times here, 50 in the long form. */
const CYCLES = readTestConfig().long ? 50 : 3;

const disk = await mountSmallDisk(DISK);

describe("a disk that fills up", { skip: typeof disk === "string" ? disk : false }, () => {
  if (typeof disk === "string") return;
  let server: TestServer;
  let api: Api;
  let pid: number;
  let note: string;
  before(async () => {
    server = await TestServer.start({ WHARF_DISK_RESERVE_BYTES: String(RESERVE), WHARF_WORKERS: "1" }, disk.path);
    pid = server.pid;
    api = new Api(server.url, server.key);
    note = await api.indexed("The harbour master keeps the lights.");
  });
  after(async () => {
    await server.end();
    await disk.close();
  });

  /** What must be answered whatever the disk does. */
  async function readsGoOn(): Promise<void> {
    assert.equal((await api.content(note)).text, "The harbour master keeps the lights.");
    assert.equal(textAt((await api.file(note)).json, "status"), "indexed");
    const found = await api.search({ query: "harbour", bucket: api.bucket });
    assert.equal(found.status, 200, found.text);
    assert.equal(textAt(listAt(found.json, "results")[0], "file_id"), note);
    assert.equal((await api.get("/v1/knowledge/files")).status, 200);
    assert.equal(server.pid, pid);
  }

  function assertFull(answer: HttpAnswer, status: number): void {
    assert.equal(answer.status, status, answer.text);
    assert.ok(Number(answer.headers["retry-after"]) >= 1);
    if (status === 507) assert.equal(textAt(answer.json, "error", "code"), "storage_full");
  }

  /** Without a restart: a create is admitted, its bytes are taken, and the file ends indexed. */
  async function recovers(what: string): Promise<void> {
    await eventually(`${what}: creates are admitted again`, 30_000, async () => {
      const answer = await api.createRaw(api.createBody(10));
      assert.ok([201, 503, 507].includes(answer.status), answer.text);
      return answer.status === 201;
    });
    await api.indexed(`Written after ${what}: ${randomBytes(4).toString("hex")}`);
  }

  /**
   * Until the server has seen so few bytes: it looks once a second, and meanwhile removals and its log may
   * free some again.
   */
  const squeezeTo = async (bytes: number): Promise<void> => {
    do {
      await disk.fillTo(bytes);
      await new Promise((resolve) => setTimeout(resolve, 1100));
    } while ((await disk.freeBytes()) > bytes);
  };
  const put = (session: Session, body: Uint8Array) => http(session.url, { method: "PUT", body });
  const createPiece = () => api.createRaw(api.createBody(PIECE, { filename: "piece.bin" }));

  /** Uploads until creates are refused; the files that were acknowledged, with their bytes. */
  async function fillThroughTheApi(): Promise<Map<string, Buffer>> {
    const kept = new Map<string, Buffer>();
    for (;;) {
      const created = await createPiece();
      if (created.status !== 201) {
        assertFull(created, 507);
        return kept;
      }
      const bytes = randomBytes(PIECE);
      const answer = await http(textAt(created.json, "upload_url"), { method: "PUT", body: bytes });
      assert.equal(answer.status, 200, answer.text);
      const finalized = await api.finalize(textAt(created.json, "session_id"));
      assert.equal(finalized.status, 201, finalized.text);
      kept.set(textAt(finalized.json, "id"), bytes);
      assert.ok(kept.size < DISK / PIECE, "the reserve is kept");
    }
  }

  for (let cycle = 1; cycle <= CYCLES; cycle++) {
    test(`filled through the API, round ${cycle}: create is 507, bytes are 503 below the reserve, all else goes on, deletes free it`, async () => {
      const kept = await fillThroughTheApi();
      assert.ok((await disk.freeBytes()) > RESERVE - 2 * MIB, "uploads leave the reserve free");
      await readsGoOn();
      // A session from before, and then somebody else takes of the reserve.
      const small = await api.createRaw(api.createBody(1));
      const session = small.status === 201 ? textAt(small.json, "upload_url") : null;
      await squeezeTo(RESERVE / 2);
      if (session !== null) assertFull(await http(session, { method: "PUT", body: "x" }), 503);
      assertFull(await createPiece(), 507);
      await readsGoOn();
      for (const [file, bytes] of kept) {
        assert.ok((await api.content(file)).body.equals(bytes));
        assert.equal((await api.deleteFile(file)).status, 200);
      }
      await disk.relieve();
      await recovers("deletes");
    });

    test(`filled to the last byte by another file, round ${cycle}: reads go on, writes are refused, nothing acknowledged is lost`, async () => {
      const bytes = randomBytes(300_000);
      const received = await api.create(bytes.length, { filename: "received.bin" });
      assert.equal((await put(received, bytes)).status, 200);
      const open = await api.create(bytes.length, { filename: "open.bin" });
      await squeezeTo(0);
      assertFull(await createPiece(), 507);
      assertFull(await put(open, bytes), 503);
      const finalized = await api.finalize(received.id);
      assert.ok([201, 503, 507].includes(finalized.status), finalized.text);
      await readsGoOn();
      if (cycle === 1) {
        // The idle server moves its write-ahead log into the database, which has no room to grow: that ended the
        // process once.
        await new Promise((resolve) => setTimeout(resolve, WAL_TRUNCATE_MS + 1000));
        await readsGoOn();
      }
      await disk.relieve();
      await recovers("relief");
      const again = await api.finalize(received.id);
      assert.equal(again.status, 201, again.text);
      if (finalized.status === 201) assert.equal(textAt(again.json, "id"), textAt(finalized.json, "id"));
      assert.ok((await api.content(textAt(again.json, "id"))).body.equals(bytes));
      assert.equal((await put(open, bytes)).status, 200);
      const opened = await api.finalize(open.id);
      assert.equal(opened.status, 201);
      // Fifty rounds of them would fill the disk for good.
      for (const { json } of [again, opened]) assert.equal((await api.deleteFile(textAt(json, "id"))).status, 200);
    });
  }
});
