import { createHash } from "node:crypto";
import { existsSync, linkSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { blobPath, SHARDS, segmentPath } from "../../server/src/blobs/fs-layout.ts";
import { storedKey } from "../../server/src/blobs/keys.ts";
import { createClock } from "../../server/src/clock.ts";
import { createIdSource } from "../../server/src/ids.ts";
import { LIMITS } from "../../server/src/limits.ts";
import { type Row, row } from "../figures.ts";
import { markUnreadable, seededKeys, seedFiles } from "../growth/seed.store.ts";
import type { Options } from "../options.ts";
import { load } from "../processes/load.ts";
import { Wharf } from "../processes/wharf.ts";

const ORIGINAL = Buffer.alloc(10_000, "The pilot boards at the outer buoy. ");
const TEXT = '{"number":1,"label":null,"text":"The pilot boards at the outer buoy."}\n';
/** ext4 gives a file 65 000 names. */
const NAMES_OF_ONE = 60_000;
/** Of each kind of what a crash leaves behind. */
const PLANTED = 100;

/** A start on a folder of many files, and how long maintenance takes to find what a crash left among them. */
export async function maintenance(options: Options): Promise<readonly Row[]> {
  const wharf = await Wharf.start(options);
  const emptyMs = wharf.startMs;
  try {
    // The bucket that seeding needs.
    await load({ url: wharf.url, key: wharf.key, callers: 1, count: 1, unit: { kind: "cycle", bytes: 1000 } });
    await wharf.end();
    const blobs = join(wharf.dataDir, "blobs");
    const sha256 = createHash("sha256").update(ORIGINAL).digest("hex");
    seedFiles(join(wharf.dataDir, "catalogue.db"), options.files);
    markUnreadable(join(wharf.dataDir, "catalogue.db"), sha256);
    linkBlobs(blobs, options.files, sha256);
    const planted = plant(blobs, sha256);
    await wharf.begin();
    const { startMs } = wharf;
    const began = performance.now();
    while (planted.some((path) => existsSync(path))) await sleep(100);
    const foundSeconds = (performance.now() - began) / 1000;
    const of = `${options.files} files and ${2 * options.files} stored objects`;
    return [
      row({
        what: `start on ${of}`,
        unit: "ms",
        figure: startMs,
        floor: emptyMs,
        target: { of: "figure", atMost: 3000 },
        note: "floor: a start on a new folder",
      }),
      row({
        what: `${PLANTED} orphans of each kind are gone, of ${of}`,
        unit: "s",
        figure: foundSeconds,
        target: { of: "figure", atMost: LIMITS.reconcileBlobsEveryMs / 1000 },
      }),
    ];
  } finally {
    await wharf.close();
  }
}

/** Two stored objects for each file: names of some few real ones, which the server cannot tell from as many. */
function linkBlobs(root: string, files: number, sha256: string): void {
  let sources: readonly string[] = [];
  for (let number = 0; number < files; number++) {
    if (number % NAMES_OF_ONE === 0) {
      sources = [join(root, `original-${number}`), join(root, `text-${number}`)];
      writeFileSync(sources[0] ?? "", ORIGINAL);
      writeFileSync(sources[1] ?? "", TEXT);
    }
    for (const [at, key] of seededKeys(number, sha256).entries())
      linkSync(sources[at] ?? "", join(root, blobPath(storedKey(key))));
  }
}

/** What belongs to nothing; returns the paths. */
function plant(root: string, sha256: string): readonly string[] {
  const ids = createIdSource(createClock());
  const hourAgo = Date.now() / 1000 - 3600;
  return Array.from({ length: PLANTED }, (_, number) => {
    const [session, file] = [ids.next("sess"), ids.next("file")];
    const shard = SHARDS[number] ?? "00";
    const paths = [
      blobPath(storedKey(`originals/${session}/${sha256}`)),
      blobPath(storedKey(`text/${file}/task_1_1.jsonl`)),
      segmentPath(session, 1),
      ...["segments", "originals", "text"].map((area) => `${area}/${shard}/.tmp-0123456789abcdef-${number}`),
    ].map((path) => join(root, path));
    for (const path of paths) {
      writeFileSync(path, "nobody's");
      utimesSync(path, hourAgo, hourAgo);
    }
    return paths;
  }).flat();
}
