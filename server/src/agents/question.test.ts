import assert from "node:assert/strict";
import { test } from "node:test";
import { WharfError } from "../errors.ts";
import { AGENT_LIMITS } from "./limits.ts";
import { readQuestion } from "./question.ts";

test("each form of input that clients send is the same question (AGT-3)", () => {
  const part = { type: "input_text", text: "Who?" };
  for (const input of ["Who?", [part], [{ role: "user", content: [part] }], [{ role: "user", content: "Who?" }]])
    assert.equal(readQuestion({ input }).text, "Who?");
});

test("a question with its history, instructions and files", () => {
  const question = readQuestion({
    instructions: "Be brief.",
    input: [
      { role: "developer", content: "In German." },
      { role: "user", content: "First?" },
      { role: "assistant", content: [{ type: "output_text", text: "One." }] },
      {
        role: "user",
        content: [
          { type: "input_file", file_id: "file_1" },
          { type: "input_text", text: "And then?" },
        ],
      },
    ],
    conversation: { id: "c1" },
  });
  assert.equal(question.text, "And then?");
  assert.equal(question.instructions, "Be brief.\nIn German.");
  assert.deepEqual(question.turns, [{ question: "First?", answer: "One." }]);
  assert.deepEqual(question.files, ["file_1"]);
  assert.equal(question.conversationId, "c1");
});

test("the output of an earlier answer may stand in input as it came (AGT-3)", () => {
  const output = [
    { type: "file_search_call", id: "fs_1", status: "completed", queries: ["First?"], results: [] },
    { type: "message", id: "msg_1", role: "assistant", content: [{ type: "output_text", text: "One. [1]" }] },
  ];
  const input = [{ role: "user", content: "First?" }, ...output, { role: "user", content: "And then?" }];
  const question = readQuestion({ input });
  assert.equal(question.text, "And then?");
  assert.deepEqual(question.turns, [{ question: "First?", answer: "One. [1]" }]);
});

test("limits count characters, not the code units of them (contract §12)", () => {
  const text = "\u{1f6a2}".repeat(AGENT_LIMITS.questionChars);
  const conversation = "\u{1f6a2}".repeat(AGENT_LIMITS.conversationIdChars);
  assert.equal(readQuestion({ input: text, conversation }).conversationId, conversation);
  assert.equal(readQuestion({ input: text, metadata: { conversation_id: conversation } }).conversationId, conversation);
});

test("a file that cannot be one restricts to nothing, never to everything", () => {
  const input = [
    { type: "input_file", file_id: "no id" },
    { type: "input_text", text: "Who?" },
  ];
  assert.deepEqual(readQuestion({ input }).files, []);
});

test("metadata.conversation_id stands in for a conversation (AGT-6)", () => {
  assert.equal(readQuestion({ input: "a", metadata: { conversation_id: "c9" } }).conversationId, "c9");
  assert.equal(readQuestion({ input: "a", metadata: { conversation_id: 9 } }).conversationId, null);
  assert.equal(readQuestion({ input: "a", previous_response_id: "not one of ours!" }).previousId, null);
});

const WRONG: readonly (readonly [string, object, string, string])[] = [
  ["no input", {}, "invalid_request", "input"],
  ["a number", { input: 5 }, "invalid_request", "input"],
  ["an empty text", { input: "  " }, "invalid_request", "input"],
  ["a question that is a document", { input: "x".repeat(32_001) }, "invalid_request", "input"],
  ["an empty list", { input: [] }, "invalid_request", "input"],
  ["an answer's search alone", { input: [{ type: "file_search_call", id: "fs_1" }] }, "invalid_request", "input"],
  ["the assistant's word last", { input: [{ role: "assistant", content: "x" }] }, "invalid_request", "input"],
  ["an unknown role", { input: [{ role: "cat", content: "x" }] }, "invalid_request", "input.0.role"],
  ["no content", { input: [{ role: "user" }] }, "invalid_request", "input.0.content"],
  ["an image", { input: [{ type: "input_image", image_url: "x" }] }, "invalid_request", "input.0"],
  ["a conversation that is a number", { input: "a", conversation: 7 }, "invalid_request", "conversation"],
  ["a long conversation id", { input: "a", conversation: "c".repeat(256) }, "invalid_request", "conversation"],
  ["long instructions", { input: "a", instructions: "x".repeat(32_001) }, "invalid_request", "instructions"],
];
for (const [what, request, code, field] of WRONG)
  test(`${what} is refused, and the field named`, () => {
    assert.throws(
      () => readQuestion(request),
      (error: unknown) => error instanceof WharfError && error.code === code && error.details["field"] === field,
    );
  });

test("metadata has a size, and a model a name", () => {
  const metadata = { a: "x".repeat(AGENT_LIMITS.metadataBytes) };
  const code = (wanted: string) => (error: unknown) => error instanceof WharfError && error.code === wanted;
  assert.throws(() => readQuestion({ input: "a", metadata }), code("metadata_too_large"));
  for (const model of ["gpt-5", "calypso-rag-agent:", "calypso-rag-agent:No Slug"])
    assert.throws(() => readQuestion({ input: "a", model }), code("model_not_found"));
});
