import { Parser } from "htmlparser2";
import { LIMITS } from "../../limits.ts";
import { documentFault } from "../fault.ts";

/**
 * XML as a stream of events, without a tree. Names are local names: producers choose their own prefixes. There is no DTD and no
 * entity but the five of XML: "billion laughs" stays the few bytes that it is, and nothing outside the file is ever named.
 */
export interface XmlHandler {
  open?(name: string, attributes: Attributes): void;
  close?(name: string): void;
  text?(text: string): void;
}

/** Values by local name, or undefined. */
export type Attributes = (name: string) => string | undefined;

export interface XmlParser {
  write(text: string): void;
  end(): void;
}

/** Throws ExtractionFault when elements nest deeper than limits.xmlDepth. */
export function xmlParser(handler: XmlHandler): XmlParser {
  let depth = 0;
  const parser = new Parser(
    {
      onopentag: (name, attributes) => {
        depth += 1;
        if (depth > LIMITS.xmlDepth)
          throw documentFault("too_complex", `Its XML nests deeper than ${LIMITS.xmlDepth} elements.`);
        handler.open?.(localName(name), (wanted) => attributeOf(attributes, wanted));
      },
      onclosetag: (name) => {
        depth -= 1;
        handler.close?.(localName(name));
      },
      ontext: (text) => handler.text?.(text),
    },
    { xmlMode: true, decodeEntities: true },
  );
  return parser;
}

function localName(name: string): string {
  return name.slice(name.indexOf(":") + 1);
}

function attributeOf(attributes: Readonly<Record<string, string>>, wanted: string): string | undefined {
  const plain = attributes[wanted];
  if (plain !== undefined) return plain;
  for (const name in attributes) {
    if (localName(name) === wanted) return attributes[name];
  }
  return undefined;
}
