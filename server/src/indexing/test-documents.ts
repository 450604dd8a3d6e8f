import { join } from "node:path";
import type { ExtractionSource, Extractor } from "../extraction/extractor.ts";
import { createExtractionPool } from "../extraction/pool.ts";
import { createLog } from "../log.ts";
import { tokenText } from "../search-index/analyze.ts";
import type { Script } from "./fixtures/script.ts";

/** More than a test holds up at once. */
const PLACES = 4;

/** A document with one page for each text. */
export function textScript(...pages: readonly string[]): Script {
  return { titleTokens: "titl", pages: pages.map((text) => ({ text, tokens: tokenText(text) })) };
}

/**
 * The product's own extractor (which runs the extractor's conformance suite), with readers that are told what to say
 * (fixtures/scripted-child.ts): the original is read to its end, and then its script is sent.
 */
export async function openScriptedReaders(scriptOf: (source: ExtractionSource) => Script): Promise<Extractor> {
  const entry = join(import.meta.dirname, "fixtures/scripted-child.ts");
  const pool = await createExtractionPool({ places: PLACES, sandbox: "off", log: createLog("silent"), entry });
  return {
    isolation: pool.isolation,
    extract(source, options) {
      const script = Buffer.from(JSON.stringify(scriptOf(source)));
      async function* open(): AsyncGenerator<Uint8Array> {
        for await (const _ of source.open());
        yield script;
      }
      return pool.extract({ ...source, sizeBytes: script.length, open }, options);
    },
    close: () => pool.close(),
  };
}
