import assert from "node:assert/strict";
import { test } from "node:test";
import { FILE_ERRORS, FILE_WARNINGS, type FileWarningCode } from "../errors.ts";
import { LIMITS } from "../limits.ts";
import { isFindingName, sayFault, sayWarning, WARNING_FINDINGS } from "./findings.ts";
import { EVIL_WORDS } from "./fixtures/attacks/protocol-attacks.ts";
import { type ChildMessage, ProtocolError } from "./protocol.ts";
import { ReaderAnswer } from "./reader-answer.ts";

type FaultMessage = Extract<ChildMessage, { kind: "fault" }>;

/** What the client reads of a fault that was found behind the third page. */
function heard(code: FaultMessage["code"], finding: FaultMessage["finding"], declaredType = "Application/PDF; q=1") {
  const answer = new ReaderAnswer(declaredType);
  answer.eventOf({ message: { kind: "type", detected: "application/pdf", titleTokens: "" }, text: "" });
  for (const page of [1, 2, 3]) answer.eventOf({ message: { kind: "page", page, label: null }, text: "x" });
  answer.eventOf({ message: { kind: "fault", code, finding }, text: "" });
  return answer.fault?.message;
}

const said: readonly (readonly [code: FaultMessage["code"], FaultMessage["finding"], detail: string])[] = [
  ["encrypted_file", { id: "drm" }, "(The book is protected (DRM).)"],
  ["too_complex", { id: "reader_trapped" }, "(Reading stopped on page 4.)"],
  ["empty_text", { id: "no_text_pages" }, "(Its 3 pages hold no text.)"],
  ["type_mismatch", { id: "binary" }, "(content_type says application/pdf, the content is binary.)"],
  ["corrupt_file", { id: "part_damaged", name: "word/document.xml" }, "(Its part word/document.xml is damaged.)"],
  ["too_complex", { id: "part_size", name: "ppt/slides/slide12.xml" }, "(Its part ppt/slides/slide12.xml unpacks "],
  ["corrupt_file", { id: "stumbled", name: "RangeError" }, "(Reading stopped on page 4: RangeError.)"],
];

for (const [code, finding, detail] of said)
  test(`the server builds the sentence of ${code}, ${finding?.id}`, () => {
    assert.ok(heard(code, finding)?.startsWith(`${FILE_ERRORS[code]} ${detail}`), heard(code, finding));
  });

test("a fault without a finding is the code's own sentence", () => {
  assert.equal(heard("corrupt_file", null), FILE_ERRORS.corrupt_file);
});

test("a declared type is shown as one, whatever it is", () => {
  assert.match(
    heard("type_mismatch", { id: "plain_text" }, `a/b c<\u0001${"x".repeat(200)}`) ?? "",
    / a\/b\?c\?\?x{93},/,
  );
});

const unsaid: readonly FaultMessage["finding"][] = [
  { id: "" },
  { id: EVIL_WORDS },
  { id: "toString" },
  { id: "__proto__" },
  { id: "Its part {name} is damaged." },
  // Of another code.
  { id: "many_pages" },
  { id: "zip_directory", name: "content.xml" },
  { id: "part_damaged" },
  { id: "part_damaged", name: "" },
  { id: "part_damaged", name: EVIL_WORDS },
  { id: "part_damaged", name: "__proto__" },
  { id: "part_damaged", name: "ppt/slides/slide123456.xml" },
  { id: "part_damaged", name: "ppt/slides/slide1.xml/slide2.xml" },
  { id: "part_damaged", name: "word/document.xml\n" },
  { id: "part_damaged", name: "content.xml".repeat(100_000) },
];

for (const finding of unsaid)
  test(`a fault of nobody's breaks the protocol: ${JSON.stringify(finding).slice(0, 80)}`, () => {
    assert.throws(() => heard("corrupt_file", finding), ProtocolError);
  });

test("the number in a name is one of a part, and nothing else is in it", () => {
  const names = ["xl/worksheets/sheet1.xml", "xl/worksheets/sheet99999.xml", "xl/worksheets/sheet01.xml", "sheet1.xml"];
  assert.deepEqual(names.map(isFindingName), [true, true, false, false]);
});

test("however many warnings a document has, they are within the contract's bounds (§11)", () => {
  const messages = codesOf(WARNING_FINDINGS).flatMap((code) =>
    Object.keys(WARNING_FINDINGS[code]).map((finding) => sayWarning(code, finding) ?? ""),
  );
  assert.ok(messages.length <= LIMITS.warnings);
  for (const message of messages) assert.ok(message.length > 0 && message.length <= LIMITS.warningChars, message);
  assert.match(messages.join("\n"), /left out\. \(hidden sheets\)/);
});

test("a warning of nobody's, or of another code, is none", () => {
  assert.equal(sayWarning("part_skipped", "picture_page"), null);
  assert.equal(sayWarning("part_skipped", "constructor"), null);
  assert.equal(sayFault("corrupt_file", { id: "constructor" }, { pages: 0, type: "" }), null);
});

function codesOf(of: Readonly<Record<FileWarningCode, object>>): readonly FileWarningCode[] {
  const codes: readonly FileWarningCode[] = ["garbled_text", "empty_page", "part_skipped"];
  assert.deepEqual([...codes].sort(), Object.keys(of).sort());
  assert.deepEqual([...codes].sort(), Object.keys(FILE_WARNINGS).sort());
  return codes;
}
