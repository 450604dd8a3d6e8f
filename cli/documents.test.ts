import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { DEFAULTS, LIMITS } from "../server/src/limits.ts";
import { EXIT, exitCodes } from "./exit-codes.ts";
import { run } from "./test-support.ts";
import { tour } from "./tour.ts";

const ROOT = new URL("../", import.meta.url);
const README = readFileSync(new URL("README.md", ROOT), "utf8");

/** Where a path of the documents may begin. */
const PLACES = ["", "server/src/", "server/src/uploads/", "server/src/extraction/"];
/** Parts of the data folder, and patterns. */
const MADE_LATER = ["blobs/", "index/", "./wharf-data", "store.ts", "routes.ts"];

/** What stands between `<!-- name -->` and `<!-- /name -->`. */
function between(name: string): string {
  const [, after = ""] = README.split(`<!-- ${name} -->\n`);
  const [part = ""] = after.split(`<!-- /${name} -->`);
  return part;
}

test("the README's tour is the text that the first start prints, which serve.test.ts runs", () => {
  const printed = `export WHARF_API_KEY=sk_…\n${tour("http://127.0.0.1:8686")}`;
  assert.equal(between("tour"), `\`\`\`sh\n${printed}\`\`\`\n`);
});

test("the README's exit codes are those of the command line", () => {
  const rows = exitCodes().map(({ code, meaning }) => `| ${code} | ${meaning} |\n`);
  assert.equal(between("exit codes"), `| exit code | meaning |\n|---|---|\n${rows.join("")}`);
});

test("the README's limits are those in force", () => {
  const table = README.slice(README.indexOf("\n## Limits"), README.indexOf("\n## Configuration"));
  const spaced = (value: number) => value.toLocaleString("en-US").replaceAll(",", " ");
  const said = [
    `size of a file | ${DEFAULTS.maxFileBytes / 1024 ** 2} MiB`,
    `creates of a team in one second | ${DEFAULTS.createsPerSecond} `,
    `life of an upload session | ${DEFAULTS.sessionTtlSeconds / 3600} hour`,
    `up to ${LIMITS.sessionMaxLifeMs / 3_600_000} hours`,
    `idempotency key | ${LIMITS.sessionRetentionMs / 86_400_000} days`,
    `open sessions of a team | ${spaced(LIMITS.openSessionsPerTeam)} `,
    `file name | ${LIMITS.filenameChars} `,
    `title | ${LIMITS.titleChars} `,
    `tags | ${LIMITS.tags} of ${LIMITS.tagChars} `,
    `metadata | ${spaced(LIMITS.metadataBytes)} bytes`,
    `buckets of a file | ${LIMITS.buckets} `,
    `JSON body | ${LIMITS.jsonBodyBytes / 1024} KiB, ${LIMITS.jsonDepth} levels`,
    `cut after ${LIMITS.uploadIdleMs / 1000} s`,
    `pages of a document | ${spaced(LIMITS.extractedPages)} `,
    `text of a document | ${LIMITS.extractedChars / 1024 ** 2} Mi`,
    `reading a document | ${LIMITS.childCpuMs / 1000} s of processor time, ${LIMITS.childWallMs / 60_000} minutes`,
    `memory for it | ${LIMITS.childRssBytes / 1024 ** 2} MiB`,
    `query | ${spaced(LIMITS.queryChars)} characters, ${LIMITS.searchLimitMax} results`,
  ];
  for (const words of said) assert.ok(table.includes(words), words);
});

test("every file and folder that the documents name is there", () => {
  for (const document of ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md"]) {
    const text = readFileSync(new URL(document, ROOT), "utf8");
    const linked = [...text.matchAll(/\]\(([^):]+)\)/g)].map(([, path = ""]) => new URL(path, ROOT));
    const named = [...text.matchAll(/`([\w./-]+(?:\/|\.ts|\.md))`/g)].map(([, path = ""]) => path);
    const found = (path: string) => PLACES.some((place) => existsSync(new URL(`${place}${path}`, ROOT)));
    for (const url of linked) assert.ok(existsSync(url), `${document} links ${url.pathname}`);
    for (const path of named) assert.ok(MADE_LATER.includes(path) || found(path), `${document} names ${path}`);
  }
});

test("every wharf command of the README exists and takes the flags that it is shown with", async () => {
  const shown = [
    ...README.matchAll(
      /\bwharf (serve|keys create|keys list|keys revoke|upload|search|status|files list|files delete|doctor|backup|restore|reindex)([^`\n|]*)/g,
    ),
  ];
  assert.ok(shown.length >= 8);
  for (const [, command = "", rest = ""] of shown) {
    const help = await run([...command.split(" "), "--help"]);
    assert.equal(help.exitCode, EXIT.ok, command);
    for (const flag of rest.match(/--[a-z-]+/g) ?? []) assert.ok(help.stdout.includes(flag), `${command} ${flag}`);
  }
});
