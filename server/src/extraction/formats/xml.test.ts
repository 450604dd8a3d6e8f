import assert from "node:assert/strict";
import { test } from "node:test";
import { xmlParser } from "./xml.ts";

const XML =
  '<?xml version="1.0"?><!DOCTYPE r SYSTEM "x.dtd"><a:root x:n="1" n=\'2\' e="a&amp;b&#228;c" p:long-name="v"><!-- <no> -->t&lt;&x;' +
  "<b/><c k><![CDATA[<raw>&amp;]]></c><d><e>u</d></f></a:root><g>open";

/** What an XML text says, when it comes in these pieces. */
function eventsOf(pieces: readonly string[]): readonly string[] {
  const events: string[] = [];
  let text = "";
  const flush = () => {
    if (text !== "") events.push(`"${text}"`);
    text = "";
  };
  const parser = xmlParser({
    open: (name, attribute) => {
      flush();
      const values = ["n", "x:n", "e", "long-name", "k", "name", "none"].map((wanted) => attribute(wanted) ?? "-");
      events.push(`<${name} ${values.join(" ")}>`);
    },
    close: (name) => {
      flush();
      events.push(`</${name}>`);
    },
    text: (piece) => {
      text += piece;
    },
  });
  for (const piece of pieces) parser.write(piece);
  parser.end();
  flush();
  return events;
}

const EVENTS = [
  "<root 2 1 a&bäc v - - ->",
  '"t<&x;"',
  "<b - - - - - - ->",
  "</b>",
  "<c - - - -  - ->",
  '"<raw>&amp;"',
  "</c>",
  "<d - - - - - - ->",
  "<e - - - - - - ->",
  '"u"',
  "</e>",
  "</d>",
  "</root>",
  "<g - - - - - - ->",
  '"open"',
  "</g>",
];

test("XML gives elements by local name, attributes by name or local name, text with the five entities, and ends what is open", () => {
  assert.deepEqual(eventsOf([XML]), EVENTS);
});

test("XML says the same in whatever pieces it comes", () => {
  assert.deepEqual(eventsOf([...XML]), EVENTS);
  for (let at = 1; at < XML.length; at++) assert.deepEqual(eventsOf([XML.slice(0, at), XML.slice(at)]), EVENTS);
});
