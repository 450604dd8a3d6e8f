import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { symlink, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { describe, test } from "node:test";
import { MCP_LIMITS } from "../../src/mcp/limits.ts";
import { FILES } from "../support/api.ts";
import { at, listAt, numberAt, textAt } from "../support/json.ts";
import { NEEDS_OWN_SERVER, openTarget } from "../support/target.ts";
import { type Agent, ROOT, TRANSPORTS, type Transport } from "./clients.ts";

/** What agents can do over both transports, through the SDK's own clients (docs/mcp.md). */

const { api, url, server, otherTeam } = await openTarget({ twoTeams: true });
const ALL = ["search", "read_page", "list_buckets", "list_files", "file_status", "upload_file", "delete_file"];

async function withAgent(transport: Transport, key: string, work: (agent: Agent) => Promise<void>): Promise<void> {
  const agent = await transport.open(url, key);
  try {
    await work(agent);
  } finally {
    await agent.close();
  }
}

/** Arguments that upload a text, as the transport takes them. */
async function uploading({ takesPaths }: Transport, content: string) {
  const filename = `${randomUUID()}.md`;
  if (!takesPaths) return { filename, content_base64: Buffer.from(content).toString("base64") };
  await writeFile(join(ROOT, filename), content);
  return { path: filename };
}

for (const transport of TRANSPORTS)
  describe(`over ${transport.name}`, { skip: NEEDS_OWN_SERVER }, () => {
    test("an agent lists, uploads, waits, searches, reads the page it found, and deletes", async () => {
      await withAgent(transport, api.key, async (agent) => {
        const tools = await agent.tools();
        assert.deepEqual(
          tools.map((tool) => textAt(tool, "name")),
          ALL,
        );
        const hints = tools.map((tool) => [
          at(tool, "annotations", "readOnlyHint"),
          at(tool, "annotations", "destructiveHint"),
        ]);
        assert.deepEqual(hints.slice(0, 5), Array(5).fill([true, false]), "what reads says so");
        assert.deepEqual(hints.slice(5), [
          [false, false],
          [false, true],
        ]);

        const word = `quay${randomUUID().replaceAll("-", "")}`;
        const slug = `mcp-${randomUUID().slice(0, 8)}`;
        const text = `The ${word} fee is 40 euros.\n"Quoted", \\ and 語 😀.`;
        const labels = { buckets: [slug], create_missing_buckets: true, title: "Harbour" };
        const uploaded = await agent.call("upload_file", { ...(await uploading(transport, text)), ...labels });
        const file_id = textAt(uploaded, "file_id");
        while (at(await agent.call("file_status", { file_id, wait_seconds: 20 }), "searchable") !== true);

        const found = await agent.call("search", { query: `${word} fee`, buckets: [slug] });
        const passage = at(found, "passages", 0);
        assert.equal(textAt(passage, "file_id"), file_id);
        assert.equal(textAt(passage, "title"), "Harbour");
        assert.deepEqual(listAt(passage, "buckets"), [slug]);
        assert.equal(numberAt(passage, "page"), 1);
        const [from, to] = [numberAt(passage, "chars", 0), numberAt(passage, "chars", 1)];
        assert.equal(textAt(passage, "text"), text.slice(from, to), "a citation names its text");

        const page = await agent.call("read_page", { file_id, page: 1, from_char: from });
        assert.equal(textAt(page, "text"), text.slice(from));
        assert.equal(at(page, "next_from_char"), null);
        const resource = await agent.read(textAt(passage, "uri"));
        assert.equal(textAt(resource, "contents", 0, "text"), text);

        const buckets = await everyPage(agent, "list_buckets", {}, "buckets");
        assert.ok(buckets.some((bucket) => textAt(bucket, "slug") === slug && numberAt(bucket, "searchable") === 1));
        const files = listAt(await agent.call("list_files", { bucket: slug }), "files");
        assert.deepEqual(
          files.map((file) => [textAt(file, "file_id"), textAt(file, "status")]),
          [[file_id, "indexed"]],
        );
        const listed = await agent.read(`wharf://buckets/${slug}`);
        assert.deepEqual(JSON.parse(textAt(listed, "contents", 0, "text")).files, files);
        assert.ok(listAt(await agent.resources(), "resources").length > 0);
        assert.equal(listAt(await agent.templates(), "resourceTemplates").length, 2);

        assert.deepEqual(await agent.call("delete_file", { file_id }), { file_id, status: "deleted" });
        assert.deepEqual(listAt(await agent.call("search", { query: word }), "passages"), []);
        assert.equal(at(await agent.call("file_status", { file_id }), "status"), "deleted");
      });
    });

    test("a key without a scope is not offered its tools, and a call of one says which scope is missing", async () => {
      assert.ok(server !== null);
      const needs = { search: "search", read_page: "files:read", list_files: "files:read", delete_file: "files:write" };
      const fileId = await api.indexed("a text that stays");
      const keys: readonly (readonly [scopes: string, offered: readonly string[]])[] = [
        ["search", ["search"]],
        ["files:read,search", ALL.slice(0, 5)],
        ["files:write", ALL.slice(5)],
      ];
      for (const [scopes, offered] of keys)
        await withAgent(transport, await server.mintKey("default", scopes), async (agent) => {
          assert.deepEqual(
            (await agent.tools()).map((tool) => textAt(tool, "name")),
            offered,
          );
          for (const [tool, scope] of Object.entries(needs).filter(([name]) => !offered.includes(name))) {
            const args = tool === "search" ? { query: "text" } : tool === "list_files" ? {} : { file_id: fileId };
            const { isError, text } = await agent.raw(tool, args);
            assert.ok(isError && text.startsWith("forbidden_scope: ") && text.includes(scope), `${tool}: ${text}`);
          }
        });
      assert.equal(at((await api.file(fileId)).json, "status"), "indexed");
    });

    test("another team's files are as absent as those that never were", async () => {
      assert.ok(otherTeam !== null);
      const word = `secret${randomUUID().replaceAll("-", "")}`;
      const theirs = await otherTeam.indexed(word, { bucket: word });
      await withAgent(transport, api.key, async (agent) => {
        assert.deepEqual(listAt(await agent.call("search", { query: word }), "passages"), []);
        for (const tool of ["read_page", "file_status", "delete_file"]) {
          const [foreign, absent] = [
            await agent.raw(tool, { file_id: theirs }),
            await agent.raw(tool, { file_id: "file_nope" }),
          ];
          assert.deepEqual(foreign, absent);
          assert.match(foreign.text, /^file_not_found: /);
        }
        await assert.rejects(agent.read(`wharf://files/${theirs}/pages/1`), /file_not_found/);
        assert.deepEqual(listAt(await agent.call("list_files", { bucket: word }), "files"), []);
      });
      assert.equal(at((await otherTeam.file(theirs)).json, "status"), "indexed");
    });

    test("wrong arguments get a sentence that says what to change", async () => {
      await withAgent(transport, api.key, async (agent) => {
        const file_id = await api.indexed("short");
        const upload = transport.takesPaths ? { path: "absent.txt" } : { filename: "a.txt", content_base64: "%%%" };
        const big = Buffer.alloc(MCP_LIMITS.uploadBytes + 1).toString("base64");
        const cases: readonly (readonly [tool: string, args: object, says: RegExp])[] = [
          ["search", {}, /required properties query.*search takes query, buckets\?/],
          ["search", { query: "" }, /query must not have fewer than 1/],
          ["search", { query: "x", limit: 11 }, /limit must be <= 10/],
          ["search", { query: "x", bucket: "a" }, /no argument bucket\. search takes query, buckets\?/],
          ["search", { query: "x", buckets: ["none-of-this-name"] }, /bucket_assignment_failed.*none-of-this-name/s],
          ["read_page", { file_id, page: 9 }, /not_found: .*no page 9/],
          ["read_page", { file_id, page: 0 }, /page must be >= 1/],
          ["read_page", { file_id, from_char: 99 }, /Page 1 has 5 characters/],
          ["list_files", { cursor: "nonsense" }, /invalid_request: .*cursor/],
          ["list_files", { tag: "ü".repeat(40_000) }, /tag must not have more than 500 characters/],
          ["list_buckets", { cursor: "c".repeat(40_000) }, /cursor must not have more than 500 characters/],
          ["list_files", { status: "ready" }, /status must be equal to one of the allowed values/],
          ["file_status", { file_id: "../../etc" }, /file_not_found/],
          [
            "upload_file",
            { ...upload, buckets: ["inbox"], create_missing_buckets: true },
            transport.takesPaths ? /no file absent\.txt/ : /no base64/,
          ],
          ...(transport.takesPaths
            ? ([
                ["upload_file", { path: "../".repeat(40_000), buckets: ["inbox"] }, /^invalid_arguments: \.\.\//],
                ["upload_file", { path: "", buckets: ["inbox"] }, /path must not have fewer than 1/],
              ] as const)
            : []),
          ["upload_file", { ...(await uploading(transport, "x")), buckets: [] }, /buckets must not have fewer than 1/],
          [
            "upload_file",
            { ...(await uploading(transport, "x")), buckets: ["no-such-slug-here"] },
            /bucket_assignment_failed/,
          ],
          ...(transport.takesPaths
            ? []
            : ([
                [
                  "upload_file",
                  { filename: "a", content_base64: big, buckets: ["a"] },
                  /524289 bytes.*wharf mcp --root/s,
                ],
              ] as const)),
          ["summarize", {}, /no tool summarize: there are search, read_page/],
        ];
        for (const [tool, args, says] of cases) {
          const { text, isError } = await agent.raw(tool, args);
          assert.ok(isError && Buffer.byteLength(text) < 8_000, `${tool} ${JSON.stringify(args).slice(0, 100)}`);
          assert.match(text, says);
        }
        for (const uri of [
          "wharf://files",
          "wharf://files/x/pages/0",
          "https://example.com/",
          "wharf://buckets/",
          `wharf://buckets/${"b".repeat(40_000)}`,
          "nothing",
        ])
          await assert.rejects(agent.read(uri), (error) => error instanceof Error && error.message.length < 8_000, uri);
      });
    });

    test("every answer is smaller than 8 000 bytes, so than 8 000 tokens, whatever the documents are", async () => {
      const bucket = `large-${randomUUID().slice(0, 8)}${"b".repeat(40)}`;
      const title = "題".repeat(512);
      for (const [n, unit] of ["語の検索 ", "searched 🙂 ", '"\\\n\t', "sökning - "].entries()) {
        const text = `marker ${unit.repeat(2_000)}`;
        const fields = { bucket, title, filename: `${"名".repeat(200)}${n}.txt`, tags: ["タグ".repeat(30)] };
        for (let copy = 0; copy < 6; copy++) await api.upload(Buffer.from(`${text} ${copy}`), fields);
      }
      const files = listAt((await api.get(`${FILES}?bucket=${bucket}&limit=100`)).json, "files");
      for (const file of files) await api.settled(textAt(file, "id"));
      await withAgent(transport, api.key, async (agent) => {
        const file_id = textAt(files[0], "id");
        const answers: readonly (readonly [tool: string, args: object])[] = [
          ["search", { query: "marker 検索 sökning searched", buckets: [bucket], limit: 10 }],
          ["search", { query: "marker", limit: 1 }],
          ["list_files", { bucket }],
          ["list_buckets", {}],
          ["file_status", { file_id }],
          ...files.slice(0, 24).map((file) => ["read_page", { file_id: textAt(file, "id") }] as const),
        ];
        for (const [tool, args] of answers) {
          const { text, isError } = await agent.raw(tool, args);
          assert.ok(!isError, text);
          assert.ok(Buffer.byteLength(text) < 8_000, `${tool}: ${Buffer.byteLength(text)}`);
        }
        const found = listAt(await agent.call("search", { query: "marker", buckets: [bucket], limit: 10 }), "passages");
        assert.ok(
          found.length >= 4 && found.every((passage) => textAt(passage, "text").length > 20),
          "and as full as may be",
        );
        assert.equal(
          await wholePage(agent, file_id),
          textAt((await api.get(`${FILES}/${file_id}/text`)).json, "pages", 0, "text"),
        );
      });
    });
  });

/** Read piece by piece, as next_from_char says. */
async function wholePage(agent: Agent, file_id: string): Promise<string> {
  let text = "";
  for (let from_char: unknown = 0; from_char !== null; ) {
    const page = await agent.call("read_page", { file_id, from_char });
    text += textAt(page, "text");
    from_char = at(page, "next_from_char");
  }
  return text;
}

async function everyPage(agent: Agent, tool: string, args: object, member: string): Promise<readonly unknown[]> {
  const all: unknown[] = [];
  for (let cursor: unknown; cursor !== null; ) {
    const page = await agent.call(tool, cursor === undefined ? args : { ...args, cursor });
    all.push(...listAt(page, member));
    cursor = at(page, "next_cursor");
  }
  return all;
}

describe("over stdio", { skip: NEEDS_OWN_SERVER }, () => {
  const [stdio] = TRANSPORTS.filter(({ takesPaths }) => takesPaths);

  test("a path outside the folder is refused, by a link too, and without the folder there are no paths", async () => {
    assert.ok(stdio !== undefined);
    const secret = `${ROOT}-secret.txt`;
    await symlink("/etc/hostname", join(ROOT, "link.txt"));
    await symlink("/etc", join(ROOT, "linked"));
    await withAgent(stdio, api.key, async (agent) => {
      for (const path of [
        "/etc/hostname",
        "../../etc/hostname",
        "link.txt",
        "linked/hostname",
        `../${basename(secret)}`,
      ]) {
        const { text, isError } = await agent.raw("upload_file", {
          path,
          buckets: ["x"],
          create_missing_buckets: true,
        });
        assert.ok(isError && /is outside the folder of --root/.test(text), `${path}: ${text}`);
      }
    });
    const rootless = await stdio.open(url, api.key, []);
    try {
      const { text } = await rootless.raw("upload_file", { path: "link.txt", buckets: ["x"] });
      assert.match(text, /no argument path\. upload_file takes filename, content_base64/);
      const args = { filename: "a.txt", content_base64: "aGVsbG8=", buckets: ["x"], create_missing_buckets: true };
      assert.match(textAt(await rootless.call("upload_file", args), "file_id"), /^file_/);
    } finally {
      await rootless.close();
    }
  });

  test("a server that does not answer, and a key that is none, are told to the agent", async () => {
    assert.ok(stdio !== undefined);
    for (const [server, key, says] of [
      ["http://127.0.0.1:1", api.key, /^unreachable: .*does not answer/],
      [url, "sk_none00000", /^invalid_api_key: /],
    ] as const) {
      const agent = await stdio.open(server, key);
      assert.equal((await agent.tools()).length, ALL.length, "what there would be");
      assert.match((await agent.raw("search", { query: "x" })).text, says);
      await agent.close();
    }
  });
});
