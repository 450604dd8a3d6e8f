import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate as turnOfTheLoop } from "node:timers/promises";
import { collect } from "../blobs/conformance-support.ts";
import { WharfError } from "../errors.ts";
import { type FormFields, type FormFile, readForm } from "./multipart.ts";

const FILE = 'Content-Disposition: form-data; name="file"; filename="a.txt"\r\nContent-Type: text/plain\r\n\r\n';
const field = (name: string) => `Content-Disposition: form-data; name="${name}"\r\n\r\n`;
const form = (...parts: readonly string[]) => `${parts.map((part) => `--B\r\n${part}\r\n`).join("")}--B--\r\n`;

async function* inPieces(text: string, size: number): AsyncGenerator<Uint8Array> {
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

interface Read {
  readonly fields: FormFields;
  readonly file: string | null;
}

async function read(body: AsyncIterable<Uint8Array>): Promise<Read> {
  const files: string[] = [];
  const takeFile = async ({ content }: FormFile) => {
    files.push(String(await collect(content)));
  };
  const fields = await readForm("B", body, { fileField: "file", takeFile });
  return { fields, file: files[0] ?? null };
}

async function codeOf(body: string, size = 7): Promise<string | undefined> {
  try {
    await read(inPieces(body, size));
    return undefined;
  } catch (error) {
    return error instanceof WharfError ? error.code : String(error);
  }
}

test("A form is the same however it is cut into pieces, on its way and at its boundaries", async () => {
  const content = "line\r\n--A no boundary\r\n--\r\n-\r\n";
  const body = `preamble\r\n${form(`${field("a")}first`, FILE + content, `${field("a")}zweites ü`, `${field("empty")}`)}epilogue`;
  for (let size = 1; size <= body.length; size += size < 40 ? 1 : 23)
    assert.deepEqual(
      await read(inPieces(body, size)),
      {
        fields: [
          ["a", "first"],
          ["a", "zweites ü"],
          ["empty", ""],
        ],
        file: content,
      },
      `in pieces of ${size}`,
    );
});

test("A file that nobody reads on holds the form up, instead of filling memory", async () => {
  const piece = Buffer.alloc(65_536, "x");
  let given = 0;
  const body = (async function* () {
    yield Buffer.from(`--B\r\n${FILE}`);
    for (let n = 0; n < 400; n++) {
      given += 1;
      yield piece;
    }
    yield Buffer.from("\r\n--B--\r\n");
  })();
  const go = Promise.withResolvers<void>();
  let bytes = 0;
  const reading = readForm("B", body, {
    fileField: "file",
    async takeFile({ content }) {
      await go.promise;
      for await (const chunk of content) bytes += chunk.length;
    },
  });
  for (let turn = 0; turn < 200; turn++) await turnOfTheLoop();
  assert.ok(given <= 4, `${given} pieces were taken`);
  go.resolve();
  await reading;
  assert.equal(bytes, 400 * piece.length);
});

test("A file that is read later ends, also when its last boundary came with the rest of it", async () => {
  for (const bytes of [10, 70_000, 1_000_000]) {
    const content = "x".repeat(bytes);
    for (const body of [form(FILE + content), form(FILE + content, `${field("a")}1`)])
      assert.equal((await read(inPieces(body, body.length))).file, content, `${bytes}`);
  }
});

test("A file ends that is full when it ends, wherever the pieces around its last boundary are cut", async () => {
  // What looks like a boundary is held back, and fills the file's buffer together with the boundary itself.
  for (const [length, held] of [65_535, 65_534, 65_520].flatMap((each) =>
    ["\r", "\r\n", "\r\n--"].map((cut) => [each, cut] as const),
  )) {
    const pieces = [`--B\r\n${FILE}`, "x".repeat(length) + held, "\r\n--B", "--\r\n"];
    const lengths: number[] = [];
    const takeFile = async ({ content }: FormFile) => {
      for (let turn = 0; turn < 10; turn++) await turnOfTheLoop();
      lengths.push((await collect(content)).length);
    };
    const body = (async function* () {
      for (const piece of pieces) yield Buffer.from(piece);
    })();
    await readForm("B", body, { fileField: "file", takeFile });
    assert.deepEqual(lengths, [length + held.length]);
  }
});

test("What ends a form ends the file that is being taken, and nobody reads it any more when the form has failed", async () => {
  const endings: readonly (readonly [what: string, body: () => AsyncGenerator<Uint8Array>])[] = [
    [
      "the connection",
      async function* () {
        yield Buffer.from(`--B\r\n${FILE}some`);
        throw new Error("gone");
      },
    ],
    ["no last boundary", () => inPieces(`--B\r\n${FILE}some`, 5)],
    ["too many fields behind it", () => inPieces(form(`${FILE}some`, `${field("x")}${"y".repeat(70_000)}`), 9000)],
  ];
  for (const [what, body] of endings) {
    let reading = false;
    const takeFile = async ({ content }: FormFile) => {
      reading = true;
      try {
        for await (const _ of content);
      } finally {
        reading = false;
      }
    };
    await assert.rejects(readForm("B", body(), { fileField: "file", takeFile }), what);
    assert.equal(reading, false, what);
  }
});

test("What takes the file may refuse it: the form ends with that, before the rest comes", async () => {
  const refusal = new Error("the disk is full");
  let given = 0;
  const body = (async function* () {
    yield Buffer.from(`--B\r\n${FILE}`);
    for (; given < 1000; given++) yield Buffer.alloc(65_536);
  })();
  const takeFile = async ({ content }: FormFile) => {
    for await (const _ of content) throw refusal;
  };
  await assert.rejects(readForm("B", body, { fileField: "file", takeFile }), (error) => error === refusal);
  assert.ok(given < 10, `${given} pieces were taken`);
});

test("A part that does not name its field is refused, not passed over, wherever it stands", async () => {
  const odd = [
    "no head at all",
    "X: y\r\n\r\nno disposition",
    'Content-Disposition: attachment; name="a"\r\n\r\nanother disposition',
    "Content-Disposition: form-data\r\n\r\nno name",
    `${field("")}an empty name`,
    'Content-Disposition: form-data; name="a"\nX: y\r\n\r\na bare line break',
    "\r\n\r\n",
    "",
  ];
  for (const part of odd)
    for (const body of [form(part), form(part, `${field("a")}1`, `${FILE}f`), form(`${FILE}f`, part)])
      for (const size of [1, 11, 1000]) assert.equal(await codeOf(body, size), "invalid_request", body);
});

test("Everything has a limit, and what is no form is refused, in any pieces", async () => {
  const cases: readonly (readonly [what: string, body: string, code: string])[] = [
    ["nothing", "", "invalid_request"],
    ["no boundary", "just text", "invalid_request"],
    ["no end", `--B\r\n${field("a")}1\r\n--B\r\n`, "invalid_request"],
    ["an end in a head", `--B\r\n${field("a").slice(0, 20)}`, "invalid_request"],
    ["another boundary", form(`${field("a")}1`).replaceAll("--B", "--C"), "invalid_request"],
    ["101 parts", form(...Array.from({ length: 101 }, () => `${field("a")}1`)), "invalid_request"],
    [
      "fields over 64 KiB together",
      form(...Array.from({ length: 9 }, () => field("a") + "x".repeat(8000))),
      "request_too_large",
    ],
  ];
  for (const [what, body, code] of cases)
    for (const size of [3, 1000, 1_000_000])
      assert.equal(await codeOf(body, size), code, `${what} in pieces of ${size}`);
  // A head that never ends is cut, and then names no field.
  assert.equal(await codeOf(form(`X: ${"y".repeat(200_000)}\r\n${field("a")}1`), 50_000), "invalid_request");
});
