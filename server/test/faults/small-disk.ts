import { execFile } from "node:child_process";
import { mkdtemp, open, rm, rmdir, statfs } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

/** A file system of its own size, in memory, that a test can fill. */
export interface SmallDisk {
  readonly path: string;
  freeBytes(): Promise<number>;
  /** Takes room by a file of somebody else's until at most so many bytes are free. */
  fillTo(freeBytes: number): Promise<void>;
  /** Takes the filler away. */
  relieve(): Promise<void>;
  close(): Promise<void>;
}

/** Null with the reason when this machine does not let us mount. */
export async function mountSmallDisk(bytes: number): Promise<SmallDisk | string> {
  const path = await mkdtemp(join(tmpdir(), "wharf-disk-"));
  try {
    await run("mount", ["-t", "tmpfs", "-o", `size=${bytes},mode=0700`, "tmpfs", path]);
  } catch (error) {
    await rmdir(path);
    return `a file system cannot be mounted here: ${error instanceof Error ? error.message.split("\n")[0] : ""}`;
  }
  const filler = join(path, "filler");
  const freeBytes = async () => {
    const { bavail, bsize } = await statfs(path);
    return bavail * bsize;
  };
  return {
    path,
    freeBytes,
    async fillTo(target) {
      const file = await open(filler, "a");
      const piece = Buffer.alloc(64 * 1024, 1);
      try {
        for (let free = await freeBytes(); free > target; free = await freeBytes())
          await file.write(piece, 0, Math.min(piece.length, Math.max(1, free - target)));
      } catch (error) {
        if (!(error instanceof Error && "code" in error && error.code === "ENOSPC")) throw error;
      } finally {
        await file.close();
      }
    },
    relieve: () => rm(filler, { force: true }),
    async close() {
      await run("umount", ["-l", path]);
      await rmdir(path);
    },
  };
}
