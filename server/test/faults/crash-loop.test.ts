import assert from "node:assert/strict";
import { after, before } from "node:test";
import { LIMITS } from "../../src/limits.ts";
import { Api } from "../support/api.ts";
import { longText } from "../support/documents.ts";
import { at, numberAt, shown, textAt } from "../support/json.ts";
import { proves } from "../support/proves.ts";
import { seededRandom } from "../support/random.ts";
import { TestServer } from "../support/server.ts";
import { NEEDS_OWN_SERVER } from "../support/target.ts";
import { eventually } from "./processes.ts";

const WITHIN_MS = 120_000;
const BUCKET = "crash-loop";

let server: TestServer;

before(async () => {
  if (NEEDS_OWN_SERVER === false) server = await TestServer.start();
});
after(async () => {
  if (NEEDS_OWN_SERVER === false) await server.close();
});

proves(
  ["POL-3"],
  "A file that the server did not survive three times waits an hour and says why; other files are indexed meanwhile",
  async () => {
    const fileId = await api().upload(longText(seededRandom(6), 6_000_000, "markerkiller"), { bucket: BUCKET });
    for (let crash = 0; crash < LIMITS.crashesBeforeWait; crash++) {
      await eventually("the document is being read", WITHIN_MS, async () => {
        const { json } = await api().file(fileId);
        assert.notEqual(textAt(json, "status"), "indexed", "it was read before the server could be killed");
        return textAt(json, "task", "status") === "indexing";
      });
      await server.end("SIGKILL");
      await server.begin();
    }

    const other = await api().indexed("markerbystander", { bucket: BUCKET, filename: "other.txt" });
    assert.notEqual(other, fileId);
    await assertWaits(fileId);
    // A start alone changes nothing, in order or not: the task is not running.
    await server.end("SIGKILL");
    await server.begin();
    await api().indexed("markerbystandertwo", { bucket: BUCKET, filename: "two.txt" });
    const file = await assertWaits(fileId);

    const taskId = textAt(file, "task", "id");
    for (const verb of ["cancel", "retry"]) {
      const { status, json } = await api().call("POST", `/v1/knowledge/tasks/${taskId}/${verb}`);
      assert.equal(status, 200, shown(json));
    }
    const settled = await api().settled(fileId, WITHIN_MS);
    assert.equal(textAt(settled, "status"), "indexed", shown(settled));
    assert.equal(at(settled, "task", "error"), null);
  },
  { skip: NEEDS_OWN_SERVER, timeout: 600_000 },
);

/** Queued for most of an hour with the reason, its attempts untouched; the server counts it. */
async function assertWaits(fileId: string): Promise<unknown> {
  const { json } = await api().file(fileId);
  assert.equal(textAt(json, "task", "status"), "queued", shown(json));
  assert.equal(textAt(json, "task", "stage"), "waiting");
  assert.equal(numberAt(json, "task", "attempt"), 1);
  assert.equal(textAt(json, "task", "error", "code"), "internal");
  assert.match(textAt(json, "task", "error", "message"), /^The server ended 3 times .* delete the file\.$/);
  const waitMs = Date.parse(textAt(json, "task", "next_attempt_at")) - Date.parse(textAt(json, "task", "updated_at"));
  assert.equal(waitMs, LIMITS.crashWaitMs);
  const figures = await (await fetch(`${server.url}/metrics`)).text();
  assert.match(figures, /^wharf_tasks_suspect 1$/m);
  return json;
}

/** At the address that the server has now. */
function api(): Api {
  return new Api(server.url, server.key);
}
