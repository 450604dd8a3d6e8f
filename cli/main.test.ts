import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { promisify } from "node:util";
import { objectIn, objectsIn, textIn } from "./client/json.ts";
import { EXIT, exitCodes } from "./exit-codes.ts";
import { run, startTestServer, type TestServer, temporaryFolder } from "./test-support.ts";

const MAIN = new URL("./main.ts", import.meta.url).href;
const ROOT = new URL("..", import.meta.url).href;

describe("the command line", () => {
  let server: TestServer;
  before(async () => {
    server = await startTestServer();
  });
  after(() => server.stop());

  const nobody = { WHARF_URL: "http://127.0.0.1:1", WHARF_API_KEY: "sk_nobody0000" };
  const WRONG: readonly {
    readonly what: string;
    readonly argv: readonly string[];
    readonly env?: Readonly<Record<string, string>>;
    readonly code: string;
    readonly exitCode: number;
    readonly says: RegExp;
  }[] = [
    { what: "no command", argv: [], code: "usage", exitCode: EXIT.usage, says: /name a command/ },
    { what: "an unknown command", argv: ["frob"], code: "usage", exitCode: EXIT.usage, says: /'frob'/ },
    { what: "an unknown option", argv: ["search", "x", "--frob"], code: "usage", exitCode: EXIT.usage, says: /--frob/ },
    { what: "no bucket", argv: ["upload", "x"], code: "usage", exitCode: EXIT.usage, says: /--bucket/ },
    {
      what: "a limit of 0",
      argv: ["search", "x", "--limit", "0"],
      code: "usage",
      exitCode: EXIT.usage,
      says: /1 to 100/,
    },
    {
      what: "a query without quotes",
      argv: ["search", "two", "words"],
      code: "usage",
      exitCode: EXIT.usage,
      says: /Put the query in quotes: wharf search 'two words'\./,
    },
    {
      what: "a title for several files",
      argv: ["upload", "cli/main.ts", "cli/io.ts", "--bucket", "b", "--title", "t"],
      code: "usage",
      exitCode: EXIT.usage,
      says: /--title is for one file/,
    },
    {
      what: "metadata that is a list",
      argv: ["upload", "x", "--bucket", "b", "--metadata", "[]"],
      code: "usage",
      exitCode: EXIT.usage,
      says: /JSON object/,
    },
    {
      what: "metadata with a number that JSON could only send as null",
      argv: ["upload", "x", "--bucket", "b", "--metadata", '{"a":[1e999]}'],
      code: "usage",
      exitCode: EXIT.usage,
      says: /number that is too large: send it as a string/,
    },
    {
      what: "a file that is not there",
      argv: ["upload", "/nowhere/x", "--bucket", "b"],
      code: "no_such_file",
      exitCode: EXIT.usage,
      says: /\/nowhere\/x .*ENOENT/,
    },
    { what: "an id that is none", argv: ["status", "../buckets"], code: "usage", exitCode: EXIT.usage, says: /file_/ },
    {
      what: "a team name with capitals",
      argv: ["keys", "create", "--team", "A B", "--name", "n"],
      code: "usage",
      exitCode: EXIT.usage,
      says: /--team/,
    },
    {
      what: "an unknown scope",
      argv: ["keys", "create", "--team", "a", "--name", "n", "--scopes", "root"],
      code: "usage",
      exitCode: EXIT.usage,
      says: /files:read/,
    },
    {
      what: "a port that is none",
      argv: ["serve", "--port", "http"],
      code: "config",
      exitCode: EXIT.config,
      says: /--port/,
    },
    {
      what: "a secret file that is not there",
      argv: ["serve", "--secret-file", "/nowhere/s"],
      code: "config",
      exitCode: EXIT.config,
      says: /--secret-file/,
    },
    {
      what: "a WHARF_URL that is none",
      argv: ["search", "x"],
      env: { WHARF_URL: "nowhere" },
      code: "config",
      exitCode: EXIT.config,
      says: /WHARF_URL/,
    },
    {
      what: "no WHARF_API_KEY",
      argv: ["search", "x"],
      env: { WHARF_URL: "http://127.0.0.1:1" },
      code: "config",
      exitCode: EXIT.config,
      says: /WHARF_API_KEY is not set/,
    },
    {
      what: "keys of a folder that is none",
      argv: ["keys", "list", "--data-dir", "/nowhere"],
      code: "config",
      exitCode: EXIT.config,
      says: /no Wharf data in \/nowhere/,
    },
    {
      what: "a server that is not there",
      argv: ["search", "x", "--retry-for", "0"],
      env: nobody,
      code: "unreachable",
      exitCode: EXIT.unreachable,
      says: /127\.0\.0\.1:1 does not answer/,
    },
  ];
  for (const { what, argv, env, code, exitCode, says } of WRONG) {
    test(`${what} ends with exit code ${exitCode} and one sentence, in JSON too`, async () => {
      const plain = await run(argv, env ?? server.env);
      assert.equal(plain.exitCode, exitCode);
      assert.equal(plain.stdout, "");
      assert.match(plain.stderr, /^wharf: [^\n]+\n$/);
      assert.match(plain.stderr, says);

      const json = await run([...argv, "--json"], env ?? server.env);
      assert.equal(json.exitCode, exitCode);
      assert.equal(json.stderr, "");
      assert.equal(textIn(objectIn(json.json, "error"), "code"), argv.length === 0 ? "usage" : code);
    });
  }

  test("a key that the server does not know ends with 77, before any file is read", async (t) => {
    const path = join(await temporaryFolder(t), "note.txt");
    await writeFile(path, "words");
    const env = { ...server.env, WHARF_API_KEY: "sk_unknown0000000000" };
    const upload = await run(["upload", path, "--bucket", "b", "--json"], env);
    assert.equal(upload.exitCode, EXIT.keyRefused);
    assert.equal(textIn(objectIn(upload.json, "error"), "code"), "invalid_api_key");
    assert.match(textIn(objectIn(upload.json, "error"), "message") ?? "", /WHARF_API_KEY/);
  });

  test("a key that may not do that ends with 77 and the scope that it lacks", async () => {
    const made = await run([
      "keys",
      "create",
      "--team",
      "default",
      "--name",
      "reads",
      "--scopes",
      "files:read",
      "--json",
      "--data-dir",
      server.dataDir,
    ]);
    const env = { ...server.env, WHARF_API_KEY: textIn(made.json, "key") ?? "" };
    const search = await run(["search", "x"], env);
    assert.equal(search.exitCode, EXIT.keyRefused);
    assert.match(search.stderr, /^wharf: [^\n]*\bthe scope search\.\n$/);
  });

  test("a wrong command line is told where to read about that very command", async () => {
    assert.match((await run(["upload", "x"])).stderr, /--bucket <bucket>.* See wharf upload --help\.$/m);
    assert.match((await run(["keys"])).stderr, /See wharf keys --help\.$/m);
    assert.match((await run(["nothing"])).stderr, /See wharf --help\.$/m);
  });

  test("a refusal of the server ends with 1 and its own sentence", async () => {
    const absent = await run(["status", "file_00000000000000000000000000", "--json"], server.env);
    assert.equal(absent.exitCode, EXIT.failure);
    assert.equal(textIn(objectIn(absent.json, "error"), "code"), "file_not_found");
  });

  test("a wrong id among several deletes none of them, and a refusal hides none that are deleted", async (t) => {
    const path = join(await temporaryFolder(t), "doomed.txt");
    await writeFile(path, "words");
    const uploaded = await run(["upload", path, "--bucket", "b", "--create-missing-buckets", "--json"], server.env);
    const [file] = objectsIn(uploaded.json, "files");
    const id = textIn(file ?? null, "file_id") ?? "";
    assert.equal((await run(["files", "delete", id, "../buckets"], server.env)).exitCode, EXIT.usage);
    assert.doesNotMatch((await run(["status", id], server.env)).stdout, /deleted/);
    const half = await run(["files", "delete", id, "file_absent"], server.env);
    assert.deepEqual([half.exitCode, half.stdout], [EXIT.failure, `${id} is deleted (5 bytes).\n`]);
    assert.match(half.stderr, /no such file/);
  });

  test("help names every command, teaches each by an example, and lists every exit code", async () => {
    const help = await run(["--help"]);
    assert.equal(help.exitCode, EXIT.ok);
    for (const { code, meaning } of exitCodes()) assert.ok(help.stdout.includes(`${code}  ${meaning}`), meaning);
    for (const command of [
      "serve",
      "keys",
      "upload",
      "search",
      "status",
      "files",
      "mcp",
      "doctor",
      "reindex",
      "backup",
      "restore",
    ]) {
      assert.match(help.stdout, new RegExp(`^  ${command}\\b`, "m"));
      const own = await run([command, "--help"]);
      assert.equal(own.exitCode, EXIT.ok);
      assert.match(own.stdout, new RegExp(`Examples:\\n  \\$ wharf ${command}`), command);
    }
  });

  test("help loads no command's code, and a command none of another's: both would wait for the server's", async () => {
    const loadedBy = async (...argv: string[]) => {
      const code = `import { registerHooks } from "node:module";
        registerHooks({ load: (url, context, next) => (process.stderr.write(url + "\\n"), next(url, context)) });
        const { runCli } = await import(${JSON.stringify(MAIN)});
        const stdout = { isTerminal: false, write: (text) => process.stdout.write(text) };
        await runCli(${JSON.stringify(argv)}, { stdout, stderr: stdout, env: {}, signal: new AbortController().signal });`;
      const { stdout, stderr } = await promisify(execFile)(process.execPath, ["--input-type=module", "-e", code]);
      assert.match(stdout, /^Usage: wharf/);
      const own = stderr.split("\n").filter((url) => url.startsWith(ROOT) && !url.includes("/node_modules/"));
      return own.map((url) => url.slice(ROOT.length)).sort();
    };
    assert.deepEqual(await loadedBy("--help"), ["cli/commands.ts", "cli/exit-codes.ts", "cli/io.ts", "cli/main.ts"]);
    const search = await loadedBy("search", "--help");
    assert.ok(search.includes("cli/search.ts"), "what was asked for is loaded");
    assert.ok(!search.some((name) => /catalogue|cli\/(?:serve|doctor|upload)/.test(name)), search.join("\n"));
  });
});
