import type { SegmentedStore, SegmentWriter } from "../blobs/blob-store.ts";
import type { Catalogue } from "../catalogue/catalogue.ts";
import { isRefusal } from "../errors.ts";
import { ExtractionFault, type Extractor } from "../extraction/extractor.ts";
import type { Metrics } from "./metrics.ts";

/**
 * The ports as they are, and counted on the way. One place above every adapter, instead of a line in each capability.
 */

export function meteredCatalogue(catalogue: Catalogue, metrics: Metrics): Catalogue {
  return {
    async run(operation, input) {
      const outcome = (what: string) =>
        metrics.count("wharf_catalogue_operations_total", { operation: operation.name, outcome: what });
      try {
        const output = await catalogue.run(operation, input);
        outcome(isRefusal(output) ? "refused" : "done");
        countSessions(operation.name, output, metrics);
        return output;
      } catch (error) {
        outcome("failed");
        throw error;
      }
    },
    listen: (topic, wake) => catalogue.listen(topic, wake),
    close: () => catalogue.close(),
  };
}

/** By the operation's name: the port below the capabilities knows their operations by nothing else. */
function countSessions(operation: string, output: unknown, metrics: Metrics): void {
  const ended = (how: string, by = 1) => metrics.count("wharf_sessions_ended_total", { how }, by);
  if (typeof output !== "object" || output === null || isRefusal(output)) return;
  const isNew = "replayed" in output && output.replayed === false;
  if (operation === "uploads.createSession" && isNew) metrics.count("wharf_sessions_created_total");
  if (operation === "uploads.createBatch" && "made" in output && typeof output.made === "number")
    metrics.count("wharf_sessions_created_total", {}, output.made);
  if (operation === "uploads.uploadFile" && isNew) {
    metrics.count("wharf_sessions_created_total");
    ended("finalized");
  }
  if (operation === "uploads.finalizeSession" && "session" in output && output.session !== null) ended("finalized");
  if (operation === "uploads.expireSessions" && Array.isArray(output) && output.length > 0)
    ended("expired", output.length);
}

export function meteredBlobs(blobs: SegmentedStore, metrics: Metrics): SegmentedStore {
  return {
    beginSegment: async (session, epoch) => meteredSegment(await blobs.beginSegment(session, epoch), metrics),
    readSegments: (session, segments) => blobs.readSegments(session, segments),
    publish: (session, segments, key) => blobs.publish(session, segments, key),
    put: (key, content) => blobs.put(key, content),
    size: (key) => blobs.size(key),
    read: (key, range) => blobs.read(key, range),
    linkInto: (archive, key) => blobs.linkInto(archive, key),
    remove: (key) => blobs.remove(key),
    removeSegments: (session, which) => blobs.removeSegments(session, which),
    cutSegment: (session, epoch, bytes) => blobs.cutSegment(session, epoch, bytes),
    list: (area, after) => blobs.list(area, after),
    removeEntry: (entry) => blobs.removeEntry(entry),
    check: () => blobs.check(),
    close: () => blobs.close(),
  };
}

function meteredSegment(segment: SegmentWriter, metrics: Metrics): SegmentWriter {
  return {
    async append(chunks) {
      await segment.append(chunks);
      let bytes = 0;
      for (const chunk of chunks) bytes += chunk.byteLength;
      metrics.count("wharf_upload_bytes_total", {}, bytes);
    },
    sync: () => segment.sync(),
    close: () => segment.close(),
  };
}

export function meteredExtractor(extractor: Extractor, metrics: Metrics): Extractor {
  return {
    async *extract(source, options) {
      try {
        yield* extractor.extract(source, options);
      } catch (error) {
        if (error instanceof ExtractionFault && error.death)
          metrics.count("wharf_extraction_deaths_total", { cause: error.code });
        throw error;
      }
    },
    isolation: extractor.isolation,
    close: () => extractor.close(),
  };
}
