import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { objectsIn, textIn, textsIn } from "./client/json.ts";
import { EXIT } from "./exit-codes.ts";
import { run, startTestServer, type TestServer, temporaryFolder } from "./test-support.ts";

describe("wharf dashboard beside a running server", () => {
  let server: TestServer;
  before(async () => {
    server = await startTestServer();
  });
  after(() => server.stop());
  const command = (...argv: readonly string[]) => run(["dashboard", ...argv, "--data-dir", server.dataDir]);
  const signIn = (link: string) =>
    fetch(`${server.url}/dashboard/session`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ link: link.slice(link.indexOf("=") + 1) }),
    });

  test("a printed link signs one browser in, with the scopes that were asked for (ALL-2)", async () => {
    const plain = await command("link", "--public-url", server.url);
    assert.equal(plain.exitCode, EXIT.ok);
    const link = /^ {2}(http\S+\/#link=[\w-]{43})$/m.exec(plain.stdout)?.[1] ?? "";
    assert.ok(link.startsWith(`${server.url}/#link=`), plain.stdout);
    assert.equal((await signIn(link)).status, 200);
    assert.equal((await signIn(link)).status, 401);

    const read = await command("link", "--scopes", "files:read", "--json", "--public-url", server.url);
    assert.deepEqual(textsIn(read.json, "scopes"), ["files:read"]);
    const body: unknown = await (await signIn(textIn(read.json, "url") ?? "")).json();
    assert.partialDeepStrictEqual(body, { team: "default", scopes: ["files:read"] });
  });

  test("the link begins with the running server's own address, whatever port that took", async () => {
    const link = (...argv: readonly string[]) => command("link", "--json", ...argv);
    assert.ok(textIn((await link()).json, "url")?.startsWith(`${server.url}/#link=`));
    assert.match(textIn((await link("--port", "9001")).json, "url") ?? "", /^http:\/\/127\.0\.0\.1:9001\/#link=/);
  });

  test("who is signed in is listed without secrets, and ended by one or by team", async () => {
    const link = await command("link", "--json", "--public-url", server.url);
    await signIn(textIn(link.json, "url") ?? "");
    const list = await command("sessions", "--json");
    const sessions = objectsIn(list.json, "sessions");
    const id = textIn(sessions.at(-1) ?? null, "id") ?? "";
    assert.match(id, /^dash_\w+$/);
    assert.deepEqual((await command("end", id, "--json")).json, { ended: 1 });
    assert.deepEqual((await command("end", "--team", "default", "--json")).json, { ended: sessions.length - 1 });
    assert.equal((await command("sessions")).stdout, "Nobody is signed in. wharf dashboard link prints a link.\n");
  });

  for (const { what, argv, exitCode, says } of [
    {
      what: "a team that is not there",
      argv: ["link", "--team", "nobody"],
      exitCode: EXIT.failure,
      says: /no team nobody/,
    },
    { what: "an unknown scope", argv: ["link", "--scopes", "root"], exitCode: EXIT.usage, says: /files:read/ },
    { what: "port 0", argv: ["link", "--port", "0"], exitCode: EXIT.usage, says: /--public-url/ },
    { what: "an id that is none", argv: ["end", "key_1"], exitCode: EXIT.usage, says: /dash_/ },
    { what: "nothing to end", argv: ["end"], exitCode: EXIT.usage, says: /--team/ },
  ])
    test(`${what} is refused with a sentence`, async () => {
      const refused = await command(...argv);
      assert.equal(refused.exitCode, exitCode);
      assert.match(refused.stderr, says);
    });
});

test("a folder without Wharf data gets no link", async (t) => {
  const refused = await run(["dashboard", "link", "--data-dir", join(await temporaryFolder(t), "none")]);
  assert.equal(refused.exitCode, EXIT.config);
});
