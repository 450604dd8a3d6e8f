import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { checkArchitecture } from "./check-architecture.ts";

/** What the gate says of a small tree: `path:line` and its sentence. */
async function judge(files: Readonly<Record<string, string>>): Promise<readonly string[]> {
  const root = await mkdtemp(join(tmpdir(), "wharf-architecture-"));
  try {
    const manifest = JSON.stringify({ dependencies: { fastify: "1.0.0", kysely: "1.0.0", "@scope/a": "1.0.0" } });
    for (const [path, text] of Object.entries({ "package.json": manifest, ...files })) {
      await mkdir(dirname(join(root, path)), { recursive: true });
      await writeFile(join(root, path), text);
    }
    return (await checkArchitecture(root)).map(({ path, line, say }) => `${path}:${line} ${say}`);
  } finally {
    await rm(root, { recursive: true, force: true });
  }
}

const bad: readonly (readonly [string, Readonly<Record<string, string>>, RegExp])[] = [
  [
    "an import cycle, also of types alone",
    {
      "server/src/files/a.ts": 'import type { B } from "./b.ts";\n',
      "server/src/files/b.ts": '// b\nimport { c } from "./c.ts";\n',
      "server/src/files/c.ts": 'export { A } from "./a.ts";\n',
    },
    /^server\/src\/files\/a\.ts:1 is part of an import cycle: server\/src\/files\/a\.ts → .*b\.ts → .*c\.ts → .*a\.ts$/,
  ],
  [
    "fastify in a capability",
    { "server/src/files/file.ts": '\nimport type { FastifyRequest } from "fastify";\n' },
    /file\.ts:2 imports fastify/,
  ],
  [
    "a package in the client library",
    { "sdk/src/wharf.ts": 'import { app } from "fastify";\n' },
    /sdk\/src\/wharf\.ts:1 imports fastify: the client library has no packages/,
  ],
  [
    "the rest of the repository in the client library, also its types",
    { "sdk/src/wharf.ts": '\nimport type { X } from "../../server/src/errors.ts";\n' },
    /sdk\/src\/wharf\.ts:2 imports \.\.\/\.\.\/server\/src\/errors\.ts: the client library/,
  ],
  [
    "Node outside the client library's node/",
    { "sdk/src/files/upload.ts": 'import { open } from "node:fs";\n', "sdk/src/node/disk.ts": 'import "node:fs";\n' },
    /^sdk\/src\/files\/upload\.ts:1 imports node:fs/,
  ],
  [
    "the database driver in a capability",
    { "server/src/files/file.ts": 'import { DatabaseSync } from "node:sqlite";\n' },
    /file\.ts:1 imports node:sqlite/,
  ],
  [
    "Kysely outside a store",
    { "server/src/files/file.ts": 'import { sql } from "kysely";\n' },
    /file\.ts:1 imports kysely/,
  ],
  [
    "another capability's store",
    { "server/src/uploads/finalize.ts": 'import { x } from "../files/insert.store.ts";\n' },
    /finalize\.ts:1 imports \.\.\/files\/insert\.store\.ts: only stores/,
  ],
  [
    "another capability's store through a dynamic import",
    { "server/src/uploads/finalize.ts": 'const x = await import("../files/store.ts");\n' },
    /finalize\.ts:1 imports \.\.\/files\/store\.ts/,
  ],
  [
    "an adapter chosen by a capability",
    { "server/src/uploads/intake.ts": 'import { openFsBlobStore } from "../blobs/fs.ts";\n' },
    /intake\.ts:1 .*an adapter is chosen in engines\//,
  ],
  [
    "the byte end-point known to finalize",
    { "server/src/uploads/finalize.ts": 'import type { Intake } from "./embedded/intake.ts";\n' },
    /finalize\.ts:1 .*how bytes arrive is chosen in engines\//,
  ],
  [
    "what the byte end-point records, read elsewhere",
    { "server/src/files/file.ts": "export const kept = (session: Session) => session.receivedBytes;\n" },
    /file\.ts:1 reads what our own end-point records/,
  ],
  [
    "an adapter chosen by the command line",
    { "cli/keys.ts": 'import { openFsBlobStore } from "../server/src/blobs/fs.ts";\n' },
    /keys\.ts:1 .*an adapter is chosen in engines\//,
  ],
  [
    "a capability's store in the command line",
    { "cli/keys.ts": 'import { x } from "../server/src/access/store.ts";\n' },
    /keys\.ts:1 .*call a function of access\//,
  ],
  [
    "folders that need each other",
    {
      "server/src/files/a.ts": 'import { b } from "../tasks/b.ts";\n',
      "server/src/files/c.ts": "export const c = 1;\n",
      "server/src/tasks/b.ts": '\nimport { c } from "../files/c.ts";\n',
    },
    /^server\/src\/files\/a\.ts:1 closes a cycle of folders: files → tasks → files$/,
  ],
  [
    "a port that knows a capability",
    { "server/src/blobs/fs.ts": 'import type { Session } from "../uploads/session.ts";\n' },
    /fs\.ts:1 .*blobs\/ is below the capabilities/,
  ],
  [
    "the HTTP edge in the domain",
    { "server/src/files/file.ts": 'import type { App } from "../http/route.ts";\n' },
    /file\.ts:1 .*only routes files know the HTTP edge/,
  ],
  ["the environment", { "server/src/files/file.ts": "const x = process.env;\n" }, /file\.ts:1 reads process\.env/],
  ["the environment in the CLI", { "cli/main.ts": "const x = process.env.HOME;\n" }, /main\.ts:1 reads process\.env/],
  [
    "a query builder outside a store",
    { "server/src/files/file.ts": 'db.selectFrom("files");\n' },
    /file\.ts:1 holds SQL/,
  ],
  ["SQL text", { "server/src/files/file.ts": "\n\nconst q = `SELECT id FROM files`;\n" }, /file\.ts:3 holds SQL/],
  ["a cast", { "server/src/files/file.ts": "const x = y as Z;\n" }, /file\.ts:1 casts/],
  ["a cast inside a template", { "server/src/files/file.ts": `const x = \`\${y as Z}\`;\n` }, /file\.ts:1 casts/],
  [
    "a development package in the product",
    { "server/src/files/file.ts": 'import { a } from "@scope/b/part";\n' },
    /file\.ts:1 imports @scope\/b\/part: a server starts without development packages/,
  ],
  [
    "a development package that is imported late",
    { "cli/main.ts": 'const a = await import("tool");\n' },
    /main\.ts:1 imports tool: a server starts without/,
  ],
  [
    "a development package in a script before the start",
    { "tools/bootstrap.mjs": '// a\nimport { a } from "tool";\n' },
    /bootstrap\.mjs:2 imports tool/,
  ],
  ["a development package in bin", { "bin/wharf": '#!/usr/bin/env node\nimport "tool";\n' }, /wharf:2 imports tool/],
  [
    "a fixture in the product",
    { "server/src/files/file.ts": 'import { a } from "./fixtures/a.ts";\n' },
    /file\.ts:1 imports \.\/fixtures\/a\.ts: the product runs without its tests and tools/,
  ],
  ["a long file", { "server/src/files/file.ts": "\n".repeat(401) }, /file\.ts:401 has 401 lines/],
];

for (const [what, files, says] of bad) {
  test(`the gate refuses ${what}`, async () => {
    const violations = await judge(files);
    assert.equal(violations.length, 1, violations.join("\n"));
    assert.match(violations[0] ?? "", says);
  });
}

test("the gate accepts what only looks like it", async () => {
  const violations = await judge({
    "server/src/files/file.ts": [
      'import { a as b, type c as d } from "./names.ts";',
      'import * as names from "./names.ts";',
      'import { part } from "@scope/a/part";',
      'import type { Shape } from "tool";',
      'export { a as e } from "./names.ts";',
      'import type { Row } from "../buckets/store.ts";',
      'const union = ["x"] as const;',
      "// process.env, x as Y, SELECT a FROM b",
      "/* import { x } from '../http/route.ts' */",
      'const text = "it is as if process.env were SELECT";',
      "const pattern = /\\/\\* as x | process.env [/\"'`]/g;",
      "const ratio = a / b / c; const more = d / e;",
      `const nested = \`as \${\`inner as \${1} text\`} as\`;`,
    ].join("\n"),
    "server/src/files/names.ts": "export const a = 1;\nexport type c = 1;\n",
    "server/src/files/store.ts": 'import { sql } from "kysely";\nimport { m } from "../buckets/membership.store.ts";\n',
    "server/src/buckets/membership.store.ts": 'db.selectFrom("buckets");\n',
    "server/src/buckets/store.ts": "export interface Row {}\n",
    "server/src/files/routes.ts":
      'import type { FastifyReply } from "fastify";\nimport type { App } from "../http/route.ts";\n',
    "server/src/http/route.ts": 'import type { x } from "fastify";\n',
    "server/src/config.ts": "export const env = process.env;\n",
    "server/src/engines/blobs.ts": 'import { openFsBlobStore } from "../blobs/fs.ts";\n',
    "server/src/main.ts": 'import { x } from "./files/store.ts";\n',
    "server/src/buckets/bucket.ts": 'import type { a } from "../files/names.ts";\n',
    "cli/files.ts":
      'import { open } from "../server/src/engines/blobs.ts";\nimport type { c } from "../server/src/files/store.ts";\n',
    "server/src/blobs/fs.ts": 'import { BlobStoreError } from "./blob-store.ts";\n',
    "server/src/blobs/blob-store.ts": "export class BlobStoreError {}\n",
    "server/src/files/file.test.ts": 'import { openFsBlobStore } from "../blobs/fs.ts";\nconst x = y as Z;\n',
  });
  assert.deepEqual(violations, []);
});
