import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import { Api } from "../support/api.ts";
import { RawConnection, requestHead } from "../support/raw.ts";
import { NEEDS_OWN_SERVER, ownServer } from "../support/target.ts";
import { answersPerQuietOne, figure, LoudTeam } from "./loud-team.ts";

/**
 * One team asks for all that it can, another asks one thing. There was one line for all of them: after 364 searches of
 * one team, another's waited 13 s, and what had been abandoned was done all the same.
 */
const server = NEEDS_OWN_SERVER === false ? await ownServer() : null;
const url = server?.url ?? "http://127.0.0.1";
const loud = new Api(url, server?.key ?? "");
const quiet = new Api(url, server === null ? "" : await server.mintKey("quiet"));

/** The commonest word of its documents, as often as a query can hold it. */
const FLOOD = { query: "the ".repeat(100), limit: 100 };
const PATIENT_MS = 120_000;

const ask = (api: Api, body: Readonly<Record<string, unknown>>) =>
  api.call("POST", "/v1/knowledge/search", { body, timeoutMs: PATIENT_MS });

/** Some 1 000 passages of text in which every passage matches. */
async function fill(): Promise<void> {
  const words = ["the", "quay", "pilot", "ballast", "harbour", "the", "lighthouse", "keeper"];
  for (let file = 0; file < 4; file++) {
    const text = Array.from({ length: 40_000 }, (_, n) => words[(n * (file + 3)) % words.length]).join(" ");
    await loud.indexed(text);
  }
  await quiet.indexed("The keeper of the lighthouse waits for the pilot.");
}

describe("beside a team that floods the search", { skip: NEEDS_OWN_SERVER, timeout: 300_000 }, () => {
  before(fill);

  test("another team's searches come in between, not behind", async () => {
    const flood = new LoudTeam(60, () => ask(loud, FLOOD));
    const each = await answersPerQuietOne(flood, 10, () => ask(quiet, { query: "keeper" }));
    await flood.stop();
    assert.ok(each < 15, `the loud team had ${each} answers before each one of the quiet team`);
  });

  test("a team that asks for more than its share is refused, with what to do; another is not", async () => {
    const flood = new LoudTeam(400, () => ask(loud, FLOOD));
    while (flood.refusal === null) assert.equal((await ask(quiet, { query: "keeper" })).status, 200);
    await flood.stop();
    assert.deepEqual([...flood.statuses.keys()].sort(), [200, 503]);
    const { headers, text } = flood.refusal;
    assert.match(headers["retry-after"] ?? "", /^\d+$/);
    assert.match(text, /"code":"overloaded".*searches under way as its share allows.*Retry-After/);
    assert.equal(await figure(url, 'wharf_places_taken{of="searches"}'), 0);
  });

  test("what its clients abandoned is not done", async () => {
    const done = 'wharf_catalogue_operations_total{operation="retrieval.visible",outcome="done"}';
    const doneBefore = await figure(url, done);
    const body = JSON.stringify(FLOOD);
    const head = requestHead("POST", `${url}/v1/knowledge/search`, [
      `Authorization: Bearer ${loud.key}`,
      "Content-Type: application/json",
      `Content-Length: ${Buffer.byteLength(body)}`,
    ]);
    const connections = await Promise.all(Array.from({ length: 100 }, () => RawConnection.open(url)));
    await Promise.all(connections.map((connection) => connection.write(head + body)));
    for (const connection of connections) connection.destroy();
    // Behind them in a line for all, and in fair turns at once: then what is left of them is dropped already.
    assert.equal((await ask(quiet, { query: "keeper" })).status, 200);
    assert.equal((await ask(loud, { query: "keeper", limit: 1 })).status, 200);
    const more = (await figure(url, done)) - doneBefore - 2;
    assert.ok(more < 50, `${more} of 100 abandoned searches were done`);
  });
});
