import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import type { DataFolder } from "../data-folder.ts";
import { inspectBlobStore } from "../engines/blobs.ts";
import { LIMITS } from "../limits.ts";
import { bytesInWords, type Finding, finding, some } from "./finding.ts";

/** What can be seen without opening a database: the folder, its modes, the disk, Node. */
export function checkMachine(
  folder: DataFolder,
  options: { readonly reserveBytes: number | null },
): readonly Finding[] {
  const blobs = inspectBlobStore(folder.blobs);
  return [checkNode(), ...checkModes(folder, blobs), checkDisk(blobs, options.reserveBytes)];
}

const OLDEST_NODE = [24, 15] as const;

function checkNode(): Finding {
  const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
  const [oldMajor, oldMinor] = OLDEST_NODE;
  const good = major > oldMajor || (major === oldMajor && minor >= oldMinor);
  return good
    ? finding("node", "ok", `Node ${process.versions.node}.`)
    : finding(
        "node",
        "problem",
        `Node ${process.versions.node} is too old: run Wharf with ${OLDEST_NODE.join(".")} or newer.`,
      );
}

/**
 * Documents, keys' hashes and the secret are readable by their owner alone; whoever made a copy of the folder may have
 * changed that.
 */
function checkModes(folder: DataFolder, { missing }: ReturnType<typeof inspectBlobStore>): readonly Finding[] {
  const open = [folder.path, folder.blobs, folder.index, folder.catalogue, join(folder.path, "secret")].filter(
    (path) => ((statSync(path, { throwIfNoEntry: false })?.mode ?? 0) & 0o077) !== 0,
  );
  const strangers = readdirSync(folder.path).filter((name) => !KNOWN.test(name));
  return [
    open.length === 0
      ? finding("modes", "ok", `${folder.path} can be read by its owner alone.`)
      : finding("modes", "problem", `Others can read ${some(open)}: run chmod -R go= ${folder.path}.`),
    ...(missing.length === 0
      ? []
      : [
          finding(
            "folders",
            "problem",
            `${folder.blobs} has no ${missing.join(", ")}: is its disk mounted? Otherwise restore it from a backup.`,
          ),
        ]),
    ...(strangers.length === 0
      ? []
      : [finding("folders", "note", `${folder.path} holds what is not Wharf's: ${some(strangers)}.`)]),
  ];
}

const KNOWN =
  /^(?:catalogue\.db(?:-wal|-shm|-journal)?|server\.lock(?:-journal)?|secret|address|blobs|index|spool|scrub-position)$/;

function checkDisk(
  { freeBytes: free, totalBytes: total }: ReturnType<typeof inspectBlobStore>,
  reserveBytes: number | null,
): Finding {
  const reserve = reserveBytes ?? Math.min(LIMITS.diskReserveBytes, total * LIMITS.diskReserveShare);
  const room = `${bytesInWords(free)} of ${bytesInWords(total)} are free`;
  return free >= reserve
    ? finding("disk", "ok", `${room}.`)
    : finding(
        "disk",
        "problem",
        `${room}, less than the reserve of ${bytesInWords(reserve)}: uploads are refused (507) until something is deleted or the disk is larger.`,
      );
}
