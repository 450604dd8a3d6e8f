import assert from "node:assert/strict";
import { test } from "node:test";
import { createParser } from "eventsource-parser";
import fc from "fast-check";
import { EventParser, type StreamEvent } from "./event-stream.ts";

function parsed(pieces: readonly string[]): readonly StreamEvent[] {
  const parser = new EventParser();
  return pieces.flatMap((piece) => [...parser.take(piece)]);
}

/** What another implementation of the standard makes of it. */
function reference(text: string): readonly StreamEvent[] {
  const events: StreamEvent[] = [];
  const parser = createParser({ onEvent: ({ event = "message", data }) => void events.push({ event, data }) });
  parser.feed(text);
  return events;
}

test("events are read by the standard's rules", () => {
  const cases: readonly (readonly [string, readonly StreamEvent[]])[] = [
    ["event: a\ndata: 1\n\n", [{ event: "a", data: "1" }]],
    ["data:1\r\ndata: 2\r\n\r\n", [{ event: "message", data: "1\n2" }]],
    [": a comment\n\ndata\n\n", [{ event: "message", data: "" }]],
    ["event: a\n\ndata: x\n\n", [{ event: "message", data: "x" }]],
    ["data: [DONE]\n\n", [{ event: "message", data: "[DONE]" }]],
    ["data: without an end\n", []],
  ];
  for (const [text, events] of cases) assert.deepEqual(parsed([text]), events, JSON.stringify(text));
});

test("it does not matter where the line cuts a stream into pieces", () => {
  const line = fc.constantFrom("data: x", "data:  y:z", "event: e", "event:", ": c", "", "id: 1", "data", "ünï: 1");
  const end = fc.constantFrom("\n", "\r\n");
  const lines = fc.array(fc.tuple(line, end), { maxLength: 20 });
  fc.assert(
    fc.property(lines, fc.array(fc.nat(200), { maxLength: 6 }), (parts, places) => {
      const text = `${parts.flat().join("")}data: last\n\n`;
      const cuts = [0, ...places.map((place) => place % text.length).sort((a, b) => a - b), text.length];
      const pieces = cuts.slice(1).map((cut, index) => text.slice(cuts[index], cut));
      assert.deepEqual(parsed(pieces), parsed([text]));
      assert.deepEqual(parsed(pieces), reference(text));
    }),
  );
});
