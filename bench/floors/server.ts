import { mkdirSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import { FloorCatalogue } from "./catalogue.ts";
import { Floor } from "./duties.ts";

/**
 * The floor: a bare `node:http` server with Wharf's duties (duties.ts). It answers the same addresses, so that one load
 * client serves both.
 *
 *     node server.ts <folder> bytes      PUT: stream, two digests, fsync, link, fsync directory; no database
 *     node server.ts <folder> commits    create, PUT and finalize with Wharf's commits and fsyncs
 *     node server.ts <folder> indexing   the same, and behind each finalize the commits and fsyncs of indexing
 */
await main(process.argv[2] ?? "", process.argv[3] ?? "");

async function main(folder: string, duty: string): Promise<void> {
  mkdirSync(join(folder, "segments"));
  mkdirSync(join(folder, "originals"));
  mkdirSync(join(folder, "text"));
  const floor = new Floor(folder, {
    catalogue: duty === "bytes" ? null : await FloorCatalogue.open(join(folder, "floor.db")),
    index: duty === "indexing" ? await FloorCatalogue.open(join(folder, "index.db")) : null,
  });
  const server = createServer((request, response) => {
    floor
      .answer(request, response)
      .catch((error: unknown) => response.destroy(error instanceof Error ? error : undefined));
  });
  server.listen(0, "127.0.0.1", () => {
    const address = server.address();
    const port = typeof address === "object" ? address?.port : null;
    floor.url = `http://127.0.0.1:${port}`;
    process.stdout.write(JSON.stringify({ url: floor.url }));
  });
  process.once("SIGTERM", () => process.exit(0));
}
