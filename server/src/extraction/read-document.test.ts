import assert from "node:assert/strict";
import { test } from "node:test";
import { pdfFile } from "./fixtures/pdf-file.ts";
import { read } from "./fixtures/read.ts";
import type { ChildMessage } from "./protocol.ts";
import { readDocument } from "./read-document.ts";

/** Kinds of what is said, in the groups in which it may be sent. */
async function groupsOf(pageByPage: boolean): Promise<readonly string[]> {
  const bytes = pdfFile({ pages: ["the first page", "the second page", "the third page"] });
  const header = { filename: "three.pdf", title: "", declaredType: "", sizeBytes: bytes.length, pageByPage };
  const groups = [""];
  await readDocument({ header, bytes }, ({ kind }: ChildMessage, _text = "", more = false) => {
    groups.push(`${groups.pop()} ${kind}`.trim(), ...(more ? [] : [""]));
  });
  return groups.filter((group) => group !== "");
}

test("pages may be sent together, unless the server wants to know on which one a reader ends", async () => {
  const page = "page chunks progress";
  assert.deepEqual(await groupsOf(false), [`type ${page} ${page} ${page}`]);
  assert.deepEqual(await groupsOf(true), [`type ${page}`, page, page]);
});

test("the text that gives most words for its length is believed, whatever the size of what is sent together", async () => {
  // One letter is spelled out in eighteen, and what stands between dots is a word by itself and with its neighbours.
  for (const text of [".\ufdfa".repeat(3000), ".\ufdfa", "\ufdfa ".repeat(20_000)]) {
    const { fault, pages } = await read(text, { declaredType: "text/plain" });
    assert.equal(fault, null);
    assert.equal(pages[0]?.text, text.trimEnd());
  }
});

test("a page of little text between much white space is believed", async () => {
  const text = `${"x".repeat(200)}${" ".repeat(1300)}`.repeat(50);
  const { fault, pages } = await read(text, { declaredType: "text/plain" });
  assert.equal(fault, null);
  assert.equal(pages[0]?.text, text.trimEnd());
});
