import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after } from "node:test";
import { describeBlobStore } from "./blob-store.conformance.ts";
import { openMemoryBlobStore } from "./memory.ts";
import { describeSegmentStore } from "./segment-store.conformance.ts";
import { openTestArchive } from "./test-archive.ts";

const folder = await mkdtemp(join(tmpdir(), "wharf-blobs-"));
after(() => rm(folder, { recursive: true }));

const open = async () => openMemoryBlobStore();
const archive = await openTestArchive(join(folder, "backup"));
describeBlobStore("memory", async () => ({ store: await open(), archive }), { skip: [] });
describeSegmentStore("memory", open, { skip: [] });
