import assert from "node:assert/strict";
import { test } from "node:test";
import { givenPassage } from "../../src/agents/test-passages.ts";
import type { AnswerPart, AnswerWriter, WritingTask } from "../../src/agents/writer.ts";

export function writingTask(more: Partial<WritingTask> = {}): WritingTask {
  const passages = ["The crane lifts 5 tons [3].", "The crane is blue."].map(givenPassage);
  return { question: "What does the crane lift?", instructions: "", turns: [], passages, ...more };
}

async function written(writer: AnswerWriter, task: WritingTask): Promise<readonly AnswerPart[]> {
  const parts: AnswerPart[] = [];
  for await (const part of writer.write(task, new AbortController().signal)) parts.push(part);
  return parts;
}

function textOf(parts: readonly AnswerPart[]): string {
  return parts.map((part) => (part.kind === "text" ? part.text : "")).join("");
}

/** What every writer of answers must do. `open` gives one that writes about what it is asked. */
export function describeWriter(name: string, open: () => AnswerWriter): void {
  test(`${name}: it writes words, and cites by places`, async () => {
    const parts = await written(open(), writingTask());
    assert.notEqual(textOf(parts).trim(), "");
    for (const part of parts) if (part.kind === "cite") assert.ok(Number.isInteger(part.passage));
    assert.ok(parts.filter((part) => part.kind === "usage").length <= 1);
  });

  test(`${name}: one passage, empty turns, a long question and odd characters are a task like any other`, async () => {
    const passages = [givenPassage("😀 e\u0301 [1] --- \u2028 crane ".repeat(200))];
    const turns = [{ question: "crane?", answer: "" }];
    const parts = await written(open(), writingTask({ passages, turns, question: `crane ${"word ".repeat(2000)}` }));
    assert.notEqual(textOf(parts).trim(), "");
  });

  test(`${name}: two at once do not mix`, async () => {
    const writer = open();
    const tasks = ["anchor", "bollard"].map((word) =>
      writingTask({ question: `what weighs the ${word}`, passages: [givenPassage(`The ${word} weighs much.`)] }),
    );
    const [first = "", second = ""] = (await Promise.all(tasks.map((task) => written(writer, task)))).map(textOf);
    assert.match(first, /anchor/);
    assert.match(second, /bollard/);
    assert.doesNotMatch(`${first.replaceAll("anchor", "")}`, /bollard/);
  });

  test(`${name}: nobody who left is written for`, async () => {
    const gone = new AbortController();
    const parts = open().write(writingTask(), gone.signal)[Symbol.asyncIterator]();
    gone.abort();
    // It ends or it throws; it does not hang.
    for (let n = 0; n < 100; n++) {
      const { done } = await parts.next().catch(() => ({ done: true }));
      if (done === true) return;
    }
    assert.fail("it goes on");
  });
}
