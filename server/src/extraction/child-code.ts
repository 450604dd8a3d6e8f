import { Worker } from "node:worker_threads";
import { ExtractorTrouble } from "./extractor.ts";

/**
 * The code of an extraction child, as launch.mjs reads it: four bytes of length, then JSON of source by URL, without types. It holds the entry and
 * every file of ours that the entry imports, at its start or later. Made at each start of the server, from the files as they are, so it is never
 * out of date. Throws ExtractorTrouble.
 */
export async function loadChildCode(entry: string): Promise<Buffer> {
  // A thread of its own: stripping takes a tenth of a second, and warns once a process that its interface may change.
  const thread = new Worker(new URL("./child-code-thread.ts", import.meta.url), {
    workerData: entry,
    execArgv: ["--no-warnings"],
  });
  const json = await new Promise<Uint8Array>((resolve, reject) => {
    thread.once("message", resolve);
    thread.once("error", (cause) => {
      reject(new ExtractorTrouble("The code of the extraction children cannot be read.", { cause }));
    });
  });
  const length = Buffer.alloc(4);
  length.writeUInt32LE(json.byteLength);
  return Buffer.concat([length, json]);
}
