import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { NEXT } from "./session.ts";

test("docs/state-machines/upload-session.md draws exactly the table", async () => {
  const page = await readFile(new URL("../../../docs/state-machines/upload-session.md", import.meta.url), "utf8");
  const drawn = [...page.matchAll(/^ {2}(\w+) --> (\w+) : (\w+)$/gm)].map(
    ([, from, to, event]) => `${from} ${event} ${to}`,
  );
  const table = Object.entries(NEXT).flatMap(([from, row]) =>
    Object.entries(row).flatMap(([event, to]) => (to === "reject" ? [] : [`${from} ${event} ${to}`])),
  );
  assert.deepEqual(drawn.sort(), table.sort());
});
