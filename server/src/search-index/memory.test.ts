import { openMemorySearchIndex } from "./memory.ts";
import { describeSearchIndex } from "./search-index.conformance.ts";

describeSearchIndex("memory", async () => openMemorySearchIndex(), { skip: [] });
