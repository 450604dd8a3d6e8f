import { describeBlobStore } from "./blob-store.conformance.ts";
import { openMemoryBlobStore } from "./memory.ts";

describeBlobStore("memory", async () => openMemoryBlobStore(), { skip: [] });
