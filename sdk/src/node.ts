// biome-ignore-all lint/performance/noBarrelFile: the package's door in Node, the same as index.ts but for paths.
// biome-ignore-all lint/performance/noReExportAll: what index.ts gives is listed there, once.

import { httpSend } from "./node/http-send.ts";
import { openOnDisk } from "./node/on-disk.ts";
import { Wharf as AnywhereWharf, type WharfOptions } from "./wharf.ts";

export * from "./index.ts";

/** The same client; `files.upload` takes paths, too, and calls go over Node's own HTTP client. */
export class Wharf extends AnywhereWharf {
  constructor(options: WharfOptions) {
    super(options, { send: httpSend(), openPath: openOnDisk });
  }
}
