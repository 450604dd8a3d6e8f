import assert from "node:assert/strict";
import { createHash, randomBytes, randomUUID } from "node:crypto";
import { mkdir, mkdtemp, open, readdir, readlink, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { BackupLoad, startOn, withRestored } from "../../test/faults/backup-load.ts";
import { eventually } from "../../test/faults/processes.ts";
import { Api } from "../../test/support/api.ts";
import { Batches } from "../../test/support/batch.ts";
import { readTestConfig } from "../../test/support/config.ts";
import { http } from "../../test/support/http.ts";
import { listAt, numberAt, textAt, without } from "../../test/support/json.ts";
import { seededRandom } from "../../test/support/random.ts";
import { createDashboardLink, findDashboardCaller, signIn } from "../access/dashboard.ts";
import { openFsBlobStore } from "../blobs/fs.ts";
import type { Catalogue } from "../catalogue/catalogue.ts";
import { createClock } from "../clock.ts";
import { findDataFolder } from "../data-folder.ts";
import { openBlobArchive } from "../engines/blob-archive.ts";
import { openCatalogue } from "../engines/catalogue.ts";
import { createIdSource } from "../ids.ts";
import type { RunningWharf } from "../start.ts";
import { backUp } from "./backup.ts";
import { restore } from "./restore.ts";
import type { BackupReport } from "./running.ts";

const fatal = (error: Error) => {
  throw error;
};
const signal = new AbortController().signal;

describe("backup of a running server", () => {
  let root: string;
  let dataDir: string;
  let wharf: RunningWharf;
  let api: Api;
  before(async () => {
    root = await mkdtemp(join(tmpdir(), "wharf-backup-"));
    dataDir = join(root, "data");
    wharf = await startOn(dataDir);
    api = new Api(wharf.url, wharf.firstKey?.key ?? "");
  });
  after(async () => {
    await wharf.stop();
    await rm(root, { recursive: true });
  });

  /** `meanwhile` happens after the snapshot, before anything else is copied. */
  async function backedUp(target: string, meanwhile: () => Promise<void> = async () => {}): Promise<BackupReport> {
    const folder = findDataFolder(dataDir);
    const catalogue = await openCatalogue({ path: folder.catalogue, fatal });
    const clock = createClock();
    try {
      return await backUp({
        live: { folder, catalogue, blobs: await openFsBlobStore({ root: folder.blobs }) },
        target: {
          path: target,
          blobs: await openFsBlobStore({ root: join(target, "blobs") }),
          archive: openBlobArchive(join(target, "blobs")),
        },
        async openCatalogue(path): Promise<Catalogue> {
          await meanwhile();
          return openCatalogue({ path, fatal });
        },
        clock,
        ids: createIdSource(clock),
        signal,
      });
    } finally {
      await catalogue.close();
    }
  }

  const restored = (backup: string, work: (there: Api) => Promise<void>) =>
    withRestored(backup, join(root, randomUUID()), api.key, work);
  const target = () => join(root, randomUUID());
  const sha = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");

  test("every file that was acknowledged before a backup under load is in it, byte for byte, and found (R20)", async () => {
    const load = new BackupLoad({ api, random: seededRandom(readTestConfig().seed), clients: 3, filesKept: 6 });
    load.start();
    // A busy machine may have begun many and finalized none.
    const enough = () => load.ledger.made >= 16 && load.ledger.finalized.length >= 4;
    await eventually("enough is uploaded", 60_000, enough);
    const promised = load.promised();
    const backup = target();
    const report = await backedUp(backup);
    await load.stop();
    assert.deepEqual(report.lost, []);
    assert.ok(report.linked > 0);
    assert.deepEqual((await readdir(backup)).sort(), [
      "blobs",
      "catalogue.db",
      "contents.jsonl",
      "manifest.json",
      "secret",
    ]);
    await restored(backup, (there) => load.audit(there, promised));
    assert.deepEqual(load.ledger.violations, []);
  });

  test("who is signed in to the dashboard is not in a backup, and so not in what is restored (ALL-2)", async () => {
    const folder = findDataFolder(dataDir);
    const ids = createIdSource(createClock());
    const live = await openCatalogue({ path: folder.catalogue, fatal });
    const deps = { catalogue: live, ids, random: randomBytes };
    const [first, unused] = [
      await createDashboardLink(deps, { team: "default" }),
      await createDashboardLink(deps, { team: "default" }),
    ];
    const secret = await signIn(deps, first.path.slice("/#link=".length));
    const backup = target();
    await backedUp(backup);
    const copy = await openCatalogue({ path: join(backup, "catalogue.db"), fatal });
    try {
      assert.ok((await findDashboardCaller(live, secret)) !== null);
      assert.equal(await findDashboardCaller(copy, secret), null);
      const again = signIn({ ...deps, catalogue: copy }, unused.path.slice("/#link=".length));
      await assert.rejects(again, { code: "invalid_api_key" });
    } finally {
      await copy.close();
      await live.close();
    }
  });

  test("a file that is deleted while the backup runs is deleted in it", async () => {
    const [kept, gone] = [await api.indexed("A kept file."), await api.indexed("A file that goes.")];
    const backup = target();
    const report = await backedUp(backup, async () => {
      const originals = async () => (await readdir(join(dataDir, "blobs/originals"), { recursive: true })).length;
      const before = await originals();
      assert.equal((await api.deleteFile(gone)).status, 200);
      // Until the bytes are gone: then the backup cannot have them.
      await eventually("the original is removed", 20_000, async () => (await originals()) < before);
    });
    assert.equal(report.endedMeanwhile, 1);
    assert.deepEqual(report.lost, []);
    await restored(backup, async (there) => {
      assert.equal(textAt((await there.file(gone)).json, "status"), "deleted");
      assert.equal((await there.content(kept)).text, "A kept file.");
    });
  });

  test("an unfinished upload goes on from the acknowledged byte on the restored server", async () => {
    const bytes = randomBytes(700_000);
    const session = await api.create(bytes.length, { filename: "half.bin" });
    const unit = 262_144;
    const first = await http(session.url, {
      method: "PUT",
      headers: { "Content-Range": `bytes 0-${unit - 1}/${bytes.length}` },
      body: bytes.subarray(0, unit),
    });
    assert.equal(first.status, 308);
    const backup = target();
    await backedUp(backup);
    await restored(backup, async (there) => {
      assert.equal(await there.receivedBytes(session.id), unit);
      const rest = await http(session.url.replace(api.base, there.base), {
        method: "PUT",
        headers: { "Content-Range": `bytes ${unit}-${bytes.length - 1}/${bytes.length}` },
        body: bytes.subarray(unit),
      });
      assert.equal(rest.status, 200, rest.text);
      assert.equal(textAt((await there.finalize(session.id)).json, "sha256"), sha(bytes));
    });
  });

  test("an upload that is finalized while the backup runs has its bytes in it, and can be finalized there too", async () => {
    const bytes = randomBytes(600_000);
    const session = await api.create(bytes.length, { filename: "just.bin" });
    const half = 262_144;
    for (const [from, to] of [[0, half] as const, [half, bytes.length] as const])
      await http(session.url, {
        method: "PUT",
        headers: { "Content-Range": `bytes ${from}-${to - 1}/${bytes.length}` },
        body: bytes.subarray(from, to),
      });
    const backup = target();
    const report = await backedUp(backup, async () => {
      assert.equal((await api.finalize(session.id)).status, 201);
      const segments = async () =>
        (await readdir(join(dataDir, "blobs/segments"), { recursive: true })).filter((name) =>
          name.includes(session.id),
        );
      await eventually("the segments are removed", 20_000, async () => (await segments()).length === 0);
    });
    assert.deepEqual(report.lost, []);
    await restored(backup, async (there) => {
      assert.equal(await there.receivedBytes(session.id), bytes.length);
      const finalized = await there.finalize(session.id);
      assert.equal(finalized.status, 201);
      assert.equal(textAt(finalized.json, "sha256"), sha(bytes));
      assert.equal(numberAt(finalized.json, "size_bytes"), bytes.length);
    });
  });

  test("an upload that is cancelled while the backup runs is cancelled in it", async () => {
    const session = await api.create(10, { filename: "gone.txt" });
    await http(session.url, { method: "PUT", body: "0123456789" });
    const backup = target();
    const report = await backedUp(backup, async () => {
      const cancelled = await api.call("DELETE", `/v1/knowledge/files/upload-session/${session.id}`);
      assert.ok(cancelled.status < 300, cancelled.text);
    });
    assert.equal(report.endedMeanwhile, 1);
    await restored(backup, async (there) => {
      assert.equal(textAt((await there.session(session.id)).json, "status"), "cancelled");
    });
  });

  test("an original that the data folder lost or that changed is said, and the rest is backed up", async () => {
    const [kept, lost, cut] = [await api.indexed("Kept."), await api.indexed("Lost."), await api.indexed("Cut short.")];
    const names = (await readdir(join(dataDir, "blobs/originals"), { recursive: true })).map((name) =>
      join(dataDir, "blobs/originals", name),
    );
    const pathOf = (text: string) => names.find((name) => name.endsWith(sha(Buffer.from(text)))) ?? "";
    await rm(pathOf("Lost."));
    await writeFile(pathOf("Cut short."), "Cut");
    const backup = target();
    const report = await backedUp(backup);
    assert.equal(report.lost.length, 2);
    for (const file of [lost, cut]) assert.equal((await api.deleteFile(file)).status, 200);
    assert.equal((await api.content(kept)).text, "Kept.");
  });

  test("batches, agents' profiles and kept answers are in a backup, and go on from it", async () => {
    const batches = new Batches(api);
    const parts = [
      { id: "done", bytes: "The pilot boards at the outer buoy." },
      { id: "late", bytes: "sent after the restore" },
      { id: "bad", bytes: "" },
    ];
    const body = batches.bodyOf(parts);
    const made = await batches.send(body);
    const batchId = textAt(made.json, "batch_id");
    await batches.upload(made, parts.slice(0, 1));
    const done = await batches.finalize(batchId);
    await api.settled(textAt(listAt(done.json, "finalized")[0], "knowledge_id"));
    const profile = { profile_id: "pilots", name: "Pilots", bucket_ids: [], instructions: "", enabled: true };
    assert.equal((await api.call("POST", "/v1/rag-agent/profiles", { body: profile })).status, 201);
    const model = "calypso-rag-agent:pilots";
    const answer = await api.call("POST", "/v1/responses", { body: { model, input: "Where does the pilot board?" } });
    const before = await batches.status(batchId);

    const backup = target();
    await backedUp(backup);
    await restored(backup, async (there) => {
      const restoredBatches = new Batches(there);
      assert.deepEqual(without(await restoredBatches.status(batchId), "request_id"), without(before, "request_id"));
      const again = await restoredBatches.send(body);
      assert.equal(again.headers["idempotent-replayed"], "true");
      await restoredBatches.upload(again, parts.slice(1, 2));
      const finished = await restoredBatches.finalize(batchId);
      assert.deepEqual([listAt(finished.json, "finalized").length, listAt(finished.json, "replayed").length], [1, 1]);
      const kept = await there.get(`/v1/responses/${textAt(answer.json, "id")}`);
      assert.equal(textAt(kept.json, "output_text"), textAt(answer.json, "output_text"));
      const goesOn = { model, input: "And then?", previous_response_id: textAt(answer.json, "id") };
      const next = await there.call("POST", "/v1/responses", { body: goesOn });
      assert.equal(textAt(next.json, "conversation", "id"), textAt(answer.json, "conversation", "id"));
    });
  });

  test("a backup onto another file system is a copy", async (t) => {
    const shm = await stat("/dev/shm").catch(() => null);
    if (shm === null || shm.dev === (await stat(root)).dev) return t.skip("no second file system at /dev/shm");
    const backup = await mkdtemp("/dev/shm/wharf-backup-");
    try {
      const file = await api.indexed("On another disk.");
      const report = await backedUp(backup);
      assert.equal(report.linked, 0);
      await restored(backup, async (there) => assert.equal((await there.content(file)).text, "On another disk."));
    } finally {
      await rm(backup, { recursive: true });
    }
  });

  describe("restore", () => {
    let backup: string;
    before(async () => {
      await api.indexed("To be restored.");
      backup = target();
      await backedUp(backup);
    });
    const openBlobs = (path: string) => openFsBlobStore({ root: path });
    const into = (dir: string, from = backup) =>
      restore({ backup: from, dataDir: dir, openArchive: openBlobArchive, openBlobs, signal });

    /** Flips a bit, runs, and flips it back. */
    async function damaged(path: string, work: () => Promise<void>): Promise<void> {
      const flip = async () => {
        const file = await open(path, "r+");
        const byte = Buffer.alloc(1);
        await file.read(byte, 0, 1, 2);
        await file.write(Buffer.of((byte[0] ?? 0) ^ 4), 0, 1, 2);
        await file.close();
      };
      await flip();
      await work();
      await flip();
    }

    test("refuses a backup that did not end, a damaged catalogue, and a folder that is not empty", async () => {
      const unended = target();
      await mkdir(unended);
      await assert.rejects(into(target(), unended), /holds no manifest\.json/);
      for (const name of ["catalogue.db", "contents.jsonl"])
        await damaged(join(backup, name), () => assert.rejects(into(target()), /not what was backed up/));
      const used = target();
      await mkdir(used);
      await writeFile(join(used, "note"), "");
      await assert.rejects(into(used), /is not empty/);
    });

    test("names a stored file of the backup that was damaged since, and restores the others", async () => {
      const [name = ""] = (await readdir(join(backup, "blobs/text"), { recursive: true })).filter((path) =>
        path.endsWith(".jsonl"),
      );
      await damaged(join(backup, "blobs/text", name), async () => {
        const report = await into(target());
        assert.equal(report.damaged.length, 1);
        assert.ok(report.objects >= 1);
      });
    });

    test("makes the folders above the data folder durable, too", { skip: process.platform !== "linux" }, async (t) => {
      const synced = new Set<string>();
      const handle = await open(backup);
      await handle.close();
      const { sync } = handle;
      t.mock.method(Object.getPrototypeOf(handle), "sync", async function (this: typeof handle) {
        synced.add(await readlink(`/proc/self/fd/${this.fd}`));
        return sync.call(this);
      });
      const dir = target();
      await into(join(dir, "a", "b", "data"));
      for (const folder of [root, dir, join(dir, "a"), join(dir, "a", "b")])
        assert.ok(synced.has(folder), `${folder} was not synced`);
    });

    test("that is interrupted leaves a folder that no server starts on", async () => {
      const dir = target();
      const broken = async (path: string) => {
        await openBlobs(path);
        throw new Error("killed");
      };
      await assert.rejects(
        restore({ backup, dataDir: dir, openArchive: openBlobArchive, openBlobs: broken, signal }),
        /killed/,
      );
      await assert.rejects(startOn(dir), /A restore into .* did not end/);
    });
  });
});
