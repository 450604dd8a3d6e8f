import type { XmlSource } from "./package.ts";
import { type XmlHandler, xmlParser } from "./xml.ts";

/**
 * The part of a package that the one file of a flat document (FODT, FODS, FODP) is; its named styles come before its
 * text.
 */
const PART = "content.xml";
/** What is in other parts of a package, and pictures, which are in parts of their own. */
const ELSEWHERE: ReadonlySet<string> = new Set(["meta", "settings", "scripts", "binary-data"]);
const SLICE_CHARS = 64 * 1024;

/**
 * OpenDocument as one XML file, for the reader of packages: its main part is the whole, without what belongs to other
 * parts.
 */
export function flatOpenDocument(text: string): XmlSource {
  return {
    async xml(name, handler) {
      if (name !== PART) return false;
      const parser = xmlParser(withoutOthers(handler));
      for (let at = 0; at < text.length; at += SLICE_CHARS) parser.write(text.slice(at, at + SLICE_CHARS));
      parser.end();
      return true;
    },
    async textWith() {
      return null;
    },
  };
}

function withoutOthers(handler: XmlHandler): XmlHandler {
  let skipped = 0;
  return {
    open(name, attributes) {
      if (skipped > 0 || ELSEWHERE.has(name)) skipped += 1;
      else handler.open?.(name, attributes);
    },
    close(name) {
      if (skipped > 0) skipped -= 1;
      else handler.close?.(name);
    },
    text(text) {
      if (skipped === 0) handler.text?.(text);
    },
  };
}
