import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { chmod } from "node:fs/promises";
import { join } from "node:path";
import { dropSignIns } from "../access/dashboard.ts";
import { type BlobKey, BlobStoreError, type SegmentedStore } from "../blobs/blob-store.ts";
import { storedKey } from "../blobs/keys.ts";
import { takeSnapshot } from "../catalogue/snapshot.ts";
import { toRfc3339 } from "../clock.ts";
import type { DataFolder } from "../data-folder.ts";
import { deleteLostFile } from "../files/delete-lost-file.ts";
import type { Original } from "../files/originals.store.ts";
import { hasOriginal, isStillThere, walkOriginals } from "../files/originals.ts";
import { Contents } from "./contents.ts";
import { copyDurably } from "./durable-copy.ts";
import { HashingStream } from "./hashing-stream.ts";
import { checked, FORMAT, NAMES, writeManifest } from "./manifest.ts";
import type { BackupDeps, BackupReport, Running } from "./running.ts";
import { backUpSessions } from "./sessions.ts";

/**
 * `wharf backup`: catalogue first, at one instant and beside a running server, then what it names. Blobs are immutable,
 * so what is named is either still there, or was deleted since: then it is deleted in the backup too. Whatever was
 * acknowledged before `takenAt` is in it. The index is left out: restore makes it from the kept text.
 */
export async function backUp(deps: BackupDeps): Promise<BackupReport> {
  const { live, target, signal } = deps;
  const report: BackupReport = {
    takenAt: toRfc3339(deps.clock.now()),
    originals: 0,
    texts: 0,
    segments: 0,
    bytes: 0,
    linked: 0,
    endedMeanwhile: 0,
    lost: [],
  };
  await chmod(target.path, 0o700);
  const cataloguePath = join(target.path, NAMES.catalogue);
  takeSnapshot(live.folder.catalogue, cataloguePath);
  const snapshot = await deps.openCatalogue(cataloguePath);
  const contents = await Contents.create(join(target.path, NAMES.contents));
  try {
    await dropSignIns(snapshot);
    // Their bytes have the shortest life.
    await backUpSessions({ ...deps, snapshot, contents }, report);
    for await (const original of walkOriginals(snapshot)) {
      signal.throwIfAborted();
      await backUpFile({ ...deps, snapshot, contents }, original, report);
    }
    await contents.end();
  } finally {
    await contents.close();
    await snapshot.close();
  }
  await target.archive.sync();
  const secret = await copySecret(live.folder, target.path);
  await writeManifest(target.path, {
    format: FORMAT,
    taken_at: report.takenAt,
    catalogue: await checked(cataloguePath),
    contents: await checked(join(target.path, NAMES.contents)),
    secret,
  });
  return report;
}

/**
 * A removal takes the text before the original: whichever of them is gone, the live catalogue says whether the file is.
 */
async function backUpFile(run: Running, original: Original, report: BackupReport): Promise<void> {
  const { key, textKey } = original;
  const fault = await keep(run, storedKey(key), original, report);
  const textFault = textKey === null ? null : await keep(run, storedKey(textKey), null, report);
  if ((fault !== null || textFault !== null) && !(await hasOriginal(run.live.catalogue, original))) {
    await deleteLostFile({ catalogue: run.snapshot, ids: run.ids }, { teamId: original.team, fileId: original.file });
    report.endedMeanwhile += 1;
    return;
  }
  if (fault === null) report.originals += 1;
  else report.lost.push(key);
  if (textKey === null) return;
  if (textFault === null) report.texts += 1;
  // A text that a newer build replaced meanwhile is no loss: restore has the file read again.
  else if (await isStillThere(run.live.catalogue, original)) report.lost.push(textKey);
}

/** Links or copies a blob. `expected` null: its bytes are whatever is there. */
async function keep(
  run: Running,
  key: BlobKey,
  expected: { readonly sizeBytes: number; readonly sha256: string } | null,
  report: BackupReport,
): Promise<"missing" | "damaged" | null> {
  const { live, target } = run;
  const how = await live.blobs.linkInto(target.archive, key);
  if (how === "missing") return "missing";
  const found = how === "linked" ? await look(target.blobs, key, expected) : await copy(run, key);
  if (found === "missing") return "missing";
  if (expected !== null && (found.bytes !== expected.sizeBytes || found.sha256 !== expected.sha256)) {
    await target.blobs.remove(key);
    return "damaged";
  }
  if (how === "linked") report.linked += 1;
  report.bytes += found.bytes;
  await run.contents.add({ kind: "blob", key, ...found });
  return null;
}

/**
 * An original that is linked is not read: its digest is its name, restore compares it, and the server's scrubber
 * reads it anyway.
 */
async function look(blobs: SegmentedStore, key: BlobKey, expected: { readonly sha256: string } | null) {
  const bytes = await blobs.size(key);
  if (bytes === null) return "missing" as const;
  if (expected !== null) return { bytes, sha256: expected.sha256 };
  const sha256 = createHash("sha256");
  for await (const chunk of blobs.read(key)) sha256.update(chunk);
  return { bytes, sha256: sha256.digest("hex") };
}

async function copy({ live, target }: Running, key: BlobKey) {
  const hashing = new HashingStream(live.blobs.read(key));
  try {
    await target.blobs.put(key, hashing.stream());
    return hashing.result();
  } catch (error) {
    if (error instanceof BlobStoreError && error.failure === "missing") return "missing" as const;
    throw error;
  }
}

async function copySecret(folder: DataFolder, target: string): Promise<boolean> {
  const source = join(folder.path, NAMES.secret);
  if (!existsSync(source)) return false;
  await copyDurably(source, join(target, NAMES.secret));
  return true;
}
