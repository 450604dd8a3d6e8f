import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { sampleDocuments } from "../support/documents.ts";
import { openTarget } from "../support/target.ts";
import { checkDocuments, type DocumentReport } from "./check-documents.ts";
import { isExpected } from "./document-manifest.ts";

const { api } = await openTarget();

test("a folder whose manifest is true passes, and one that lies is told apart, phrase by phrase", async () => {
  const folder = await mkdtemp(join(tmpdir(), "wharf-documents-"));
  try {
    const lines = ["file\tcontent_type_declared\tbytes\texpected\tkey_phrases(unit:phrase ; …)"];
    for (const { filename, contentType, bytes, phrases } of sampleDocuments("manifest")) {
      await writeFile(join(folder, filename), bytes);
      const listed = phrases.map(({ page, text }) => `${page}:${text}`).join(" ; ");
      lines.push([filename, contentType, bytes.length, "ok", listed].join("\t"));
    }
    await writeFile(join(folder, "lying.txt"), "not what the manifest says");
    await writeFile(join(folder, "MANIFEST.tsv"), `${lines.join("\n")}\n`);
    const truthful: DocumentReport[] = [];
    assert.equal(await checkDocuments(api, folder, [], (each) => truthful.push(each)), true);
    assert.equal(truthful.length, 7);
    lines.push("lying.txt\ttext/plain\t26\terror:damaged\t1:not what");
    await writeFile(
      join(folder, "MANIFEST.tsv"),
      `${lines.join("\n").replace("2:the lighthouse", "3:the lighthouse")}\n`,
    );
    const lying: DocumentReport[] = [];
    assert.equal(await checkDocuments(api, folder, ["pdf", "text/plain"], (each) => lying.push(each)), false);
    assert.deepEqual(
      lying.map(({ file, faults }) => [file, faults.length]),
      [
        ["three-pages.pdf", 1],
        ["notes.txt", 0],
        ["lying.txt", 1],
      ],
    );
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});

const EXPECTATIONS: readonly (readonly [expected: string, outcome: string, allowed: boolean])[] = [
  ["ok", "indexed", true],
  ["ok", "corrupt_file", false],
  ["error:damaged|ok", "indexed", true],
  ["error:damaged|ok", "corrupt_file", true],
  ["error:damaged", "encrypted_file", false],
  ["ok|error", "too_complex", true],
  ["error:limit", "extraction_timeout", true],
  ["ok-with-ocr|no_text", "empty_text", true],
  ["ok as docx|error:type_mismatch", "type_mismatch", true],
  ["error:type_mismatch|unsupported", "unsupported_file_type", true],
];
test("an outcome is allowed exactly when the manifest's words say so", () => {
  for (const [expected, outcome, allowed] of EXPECTATIONS)
    assert.equal(isExpected(expected, outcome), allowed, `${expected} ${outcome}`);
});
